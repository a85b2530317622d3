import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signMediaToken, verifyMediaToken, type MediaToken } from './media-token.js';

const secret = randomBytes(32);
const token: MediaToken = {
  key: `2026-11-26/${'a'.repeat(32)}`,
  contentType: 'image/png',
  filename: 'a.png',
  bytes: 5,
  expiresAt: 1_800_000_000,
};

describe(verifyMediaToken.name, () => {
  it('reads what was signed, by any of its secrets', () => {
    const signed = signMediaToken(token, secret);
    expect(signed).toMatch(/^[\w-]+\.[\w-]{43}$/);
    expect(verifyMediaToken(signed, [randomBytes(32), secret])).toEqual(token);
    expect(verifyMediaToken(signed, [randomBytes(32)])).toBeUndefined();
    expect(verifyMediaToken(signed, [])).toBeUndefined();
  });

  it('refuses every change of one character', () => {
    const signed = signMediaToken(token, secret);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: signed.length - 1 }),
        fc.constantFrom('A', 'B', 'a', '0', '-', '_', '.', '='),
        (at, character) => {
          fc.pre(signed[at] !== character);
          const changed = signed.slice(0, at) + character + signed.slice(at + 1);
          expect(verifyMediaToken(changed, [secret])).toBeUndefined();
        },
      ),
    );
  });

  it.each(['', '.', 'a', 'a.b', 'a.b.c', `${'a'.repeat(10_000)}.${'b'.repeat(43)}`, '../../etc/passwd'])(
    'refuses %j',
    (text) => {
      expect(verifyMediaToken(text, [secret])).toBeUndefined();
    },
  );
});
