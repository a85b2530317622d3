import { describe, expect, it } from 'vitest';
import { splitOverrides, twilioSignature } from './signature.js';

const PARAMS: [string, string][] = [
  ['To', '+18005551212'],
  ['CallSid', 'CA1234567890ABCDE'],
  ['Caller', '+12349013030'],
  ['Digits', '1234'],
  ['From', '+12349013030'],
];

describe(twilioSignature.name, () => {
  // Vectors of the facts sheet, computed there by two independent implementations.
  it.each([
    { url: 'https://example.com/myapp', signature: 'NGAgWNhdnsLF8j385frvrQoi9sg=' },
    { url: 'https://mycompany.com/myapp.php?foo=1&bar=2', signature: '0/KCTR6DLpKmkAf8muzZqo1nDgQ=' },
  ])('$url', ({ url, signature }) => {
    expect(twilioSignature('12345', url, PARAMS)).toBe(signature);
  });

  it('leaves the overrides out of the URL', () => {
    const { url, overrides } = splitOverrides('https://example.com/a?b=c#rc=2&rp=all');
    expect(url).toBe('https://example.com/a?b=c');
    expect(Object.fromEntries(overrides)).toEqual({ rc: '2', rp: 'all' });
  });
});
