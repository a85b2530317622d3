import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseForm } from './form.js';
import { isSignedByTwilio } from './signature.js';

const TOKEN = 'test-token-0123456789';
const BASE = 'https://causeway.example/webhooks/twilio/messages';
const FIXTURES = new URL('../../../test/fixtures/twilio/', import.meta.url);

type Pairs = [string, string][];

/** Twilio's algorithm as documented, written independently of the package. */
function sign(token: string, url: string, pairs: Pairs): string {
  const byName = new Map<string, Set<string>>();
  for (const [name, value] of pairs) byName.set(name, (byName.get(name) ?? new Set()).add(value));
  let text = url;
  for (const name of [...byName.keys()].sort()) {
    for (const value of [...(byName.get(name) ?? [])].sort()) text += name + value;
  }
  return createHmac('sha1', token).update(text, 'utf8').digest('base64');
}

/** Percent-encodes everything but letters and digits, as different from URLSearchParams as is allowed. */
function encode(pairs: Pairs): Buffer {
  const escape = (text: string): string =>
    [...Buffer.from(text, 'utf8')]
      .map((byte) => {
        const character = String.fromCharCode(byte);
        return /[A-Za-z0-9]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`;
      })
      .join('');
  return Buffer.from(pairs.map(([name, value]) => `${escape(name)}=${escape(value)}`).join('&'));
}

const verify = (
  signature: string | string[] | undefined,
  url: string,
  body: Buffer,
  tokens = [TOKEN],
): boolean => isSignedByTwilio(tokens, signature, url, parseForm(body));

/** Well-formed Unicode only: a lone surrogate has no UTF-8 and so cannot be signed. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
);
const name = fc.oneof(
  fc.constantFrom('Body', 'From', '__proto__', 'constructor', '?q', '', 'a b', '\u0000'),
  text,
);
const pairs = fc.array(fc.tuple(name, text), { maxLength: 12 });
const path = fc.webPath();
const query = fc.oneof(
  fc.constant(''),
  fc.webQueryParameters().map((each) => (each ? `?${each}` : '')),
);

describe(isSignedByTwilio.name, () => {
  const vectors = JSON.parse(readFileSync(new URL('signature-vectors.json', FIXTURES), 'utf8')) as {
    url: string;
    signature: string;
  }[];
  const vectorPairs: Pairs = [
    ['CallSid', 'CA1234567890ABCDE'],
    ['Caller', '+12349013030'],
    ['Digits', '1234'],
    ['From', '+12349013030'],
    ['To', '+18005551212'],
  ];

  it.each(vectors)('agrees with the published vector for $url', ({ url, signature }) => {
    expect(verify(signature, url, encode(vectorPairs), ['12345'])).toBe(true);
    expect(verify(signature, url, encode(vectorPairs), ['12346'])).toBe(false);
    expect(verify(signature, `${url}/`, encode(vectorPairs), ['12345'])).toBe(false);
  });

  it('accepts whatever Twilio would sign', () => {
    fc.assert(
      fc.property(path, query, pairs, (at, search, list) => {
        const url = `https://causeway.example:8443/base${at}${search}`;
        expect(verify(sign(TOKEN, url, list), url, encode(list))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('accepts what URLSearchParams encodes, the way most clients do', () => {
    fc.assert(
      fc.property(pairs, (list) => {
        const body = Buffer.from(new URLSearchParams(list).toString());
        expect(verify(sign(TOKEN, BASE, list), BASE, body)).toBe(true);
      }),
    );
  });

  it('refuses a request with any changed name, value, or parameter', () => {
    const mutation = fc.tuple(fc.nat(), fc.constantFrom('name', 'value', 'drop', 'add', 'empty'), fc.nat(25));
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.stringMatching(/^[A-Z][a-z]{1,8}$/), text), {
          minLength: 1,
          maxLength: 10,
          selector: ([each]) => each,
        }),
        mutation,
        (list, [at, kind, letter]) => {
          const index = at % list.length;
          const [key, value] = list[index] ?? ['', ''];
          const extra = String.fromCharCode(97 + letter);
          const changed: Pairs = {
            name: () => list.with(index, [key + extra + '!', value]),
            value: () => list.with(index, [key, value + extra]),
            drop: () => list.toSpliced(index, 1),
            add: (): Pairs => [...list, [`zz${extra}`, '1']],
            empty: (): Pairs => [...list, [`zz${extra}`, '']],
          }[kind as 'name' | 'value' | 'drop' | 'add' | 'empty']();
          expect(verify(sign(TOKEN, BASE, list), BASE, encode(changed))).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('refuses every single changed byte of a captured body', () => {
    const body = readFileSync(new URL('inbound-sms.form', FIXTURES));
    const signature = sign(TOKEN, BASE, [...new URLSearchParams(body.toString())]);
    const decode = (bytes: Buffer): string => {
      const parameters = new URLSearchParams(bytes.toString());
      parameters.sort();
      return JSON.stringify([...parameters]);
    };
    expect(verify(signature, BASE, body)).toBe(true);
    for (let at = 0; at < body.length; at++) {
      const forged = Buffer.from(body);
      forged[at] = (forged[at] ?? 0) ^ 1;
      // Some bytes do not matter: the case of an escape, say.
      if (decode(forged) === decode(body)) continue;
      expect(verify(signature, BASE, forged), `byte ${at}`).toBe(false);
    }
  });

  it('refuses every single changed letter of path and query', () => {
    const url = 'https://causeway.example/webhooks/twilio/status?m=01890a5d&a=77ab';
    const signature = sign(TOKEN, url, [['MessageStatus', 'sent']]);
    const body = encode([['MessageStatus', 'sent']]);
    expect(verify(signature, url, body)).toBe(true);
    for (let at = 'https://causeway.example/'.length; at < url.length; at++) {
      const forged = url.slice(0, at) + (url[at] === 'x' ? 'y' : 'x') + url.slice(at + 1);
      expect(verify(signature, forged, body), forged).toBe(false);
    }
    // Not among them: a query that decodes to the same (`…&`), which the package accepts for older back ends.
    for (const forged of [`${url}1`, url.slice(0, -1), url.replace('https', 'http'), `${url}#f`]) {
      expect(verify(signature, forged, body), forged).toBe(false);
    }
  });

  it('accepts a signature by any token of the list and by no other', () => {
    const list: Pairs = [['Body', 'hi']];
    const signature = sign('second-token-abcdef', BASE, list);
    expect(verify(signature, BASE, encode(list), ['first-token-abcdefg', 'second-token-abcdef'])).toBe(true);
    expect(verify(signature, BASE, encode(list), ['second-token-abcdef', 'first-token-abcdefg'])).toBe(true);
    expect(verify(signature, BASE, encode(list), ['first-token-abcdefg'])).toBe(false);
    expect(verify(signature, BASE, encode(list), [])).toBe(false);
  });

  it('takes an empty token for none, not for one that anybody knows', () => {
    expect(verify(sign('', BASE, []), BASE, Buffer.alloc(0), [''])).toBe(false);
  });

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['garbage', '\u0000\ud800 not base64'],
    ['twice', ['a', 'b']],
    ['very long', 'A'.repeat(100_000)],
  ])('refuses a signature that is %s', (_name, signature) => {
    expect(verify(signature, BASE, Buffer.from('Body=hi'))).toBe(false);
  });

  it('refuses rather than throws on a URL that cannot be parsed', () => {
    for (const url of ['', '/webhooks', 'http://', 'https://[::1', 'not a url\u0000']) {
      expect(verify(sign(TOKEN, `${url}x`, []), url, Buffer.alloc(0))).toBe(false);
    }
  });
});
