import { describe, expect, it } from 'vitest';
import { DeliveryError } from '../delivery-error.js';
import { withCommand } from './template-command.js';

const SID = `HX${'a'.repeat(32)}`;
const settings = { templates: { hello: SID } };

describe('a template command', () => {
  it.each([
    ['/template hello', undefined],
    ['  /Template  hello  ', undefined],
    [`/template ${SID}`, undefined],
    ['/template hello 1=Monday', { 1: 'Monday' }],
    ['/template hello 1=Monday 2="at nine"  name=Ada', { 1: 'Monday', 2: 'at nine', name: 'Ada' }],
    ['/template hello 1=“at nine” 2=', { 1: 'at nine', 2: '' }],
    ['/template hello 1="a=b" 2=c=d', { 1: 'a=b', 2: 'c=d' }],
  ])('%j', (text, variables) => {
    expect(withCommand({ type: 'text', text }, settings)).toEqual({
      type: 'template',
      contentSid: SID,
      ...(variables && { variables }),
    });
  });

  it.each([
    ['/template', 'unknown-template'],
    ['/template other', 'unknown-template'],
    ['/template toString', 'unknown-template'],
    ['/template hello Monday', 'template-command'],
    ['/template hello 1="open', 'template-command'],
    ['/template hello =x', 'template-command'],
  ])('is refused: %j', (text, code) => {
    let error: unknown;
    try {
      withCommand({ type: 'text', text }, settings);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(DeliveryError);
    expect(error).toMatchObject({ kind: 'failed', code });
  });

  it.each(['template hello', '/templates hello', 'see /template hello', ''])('is none: %j', (text) => {
    expect(withCommand({ type: 'text', text }, settings)).toEqual({ type: 'text', text });
  });
});
