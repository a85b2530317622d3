import { describe, expect, it } from 'vitest';
import { isForeign } from './foreigners.js';

describe(isForeign.name, () => {
  it.each([
    ['a program', { host: '127.0.0.1:4000' }, '127.0.0.1', false],
    ['the page itself', { host: 'localhost:4000', origin: 'http://localhost:4000' }, '127.0.0.1', false],
    ['another site', { host: 'localhost:4000', origin: 'https://evil.example' }, '127.0.0.1', true],
    [
      'a page of another port',
      { host: 'localhost:4000', origin: 'http://localhost:5000' },
      '127.0.0.1',
      true,
    ],
    ['no origin at all', { host: 'localhost:4000', origin: 'null' }, '127.0.0.1', true],
    ['a name that leads here', { host: 'evil.example', origin: 'http://evil.example' }, '127.0.0.1', true],
    ['a name that leads to ::1', { host: 'evil.example' }, '::1', true],
    ['IPv6', { host: '[::1]:4000' }, '::1', false],
    ['a name, where all may come', { host: 'sandbox:4000' }, '0.0.0.0', false],
  ])('%s', (_who, headers, listensOn, foreign) => {
    expect(isForeign(headers, listensOn)).toBe(foreign);
  });
});
