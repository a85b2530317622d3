import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WebhookRefusedError } from '#core';
import { MAX_BODY_BYTES, MAX_PARAMETERS, parseForm, single } from './form.js';

const parse = (body: string | Buffer) => parseForm(Buffer.from(body));
const entries = (body: string | Buffer) => Object.entries(parse(body));
function statusOf(body: Buffer): number | undefined {
  try {
    parseForm(body);
    return undefined;
  } catch (error) {
    if (error instanceof WebhookRefusedError) return error.status;
    throw error;
  }
}

describe(parseForm.name, () => {
  it.each([
    ['', []],
    [
      'a=1&b=&c',
      [
        ['a', '1'],
        ['b', ''],
        ['c', ''],
      ],
    ],
    ['a=1&a=2&a=1', [['a', ['1', '2', '1']]]],
    ['?a=1', [['?a', '1']]],
    ['=x', [['', 'x']]],
    ['a+b=%2B1+2', [['a b', '+1 2']]],
    [
      'a[b]=1&a[]=2',
      [
        ['a[b]', '1'],
        ['a[]', '2'],
      ],
    ],
    ['a=%0D%0A%00', [['a', '\r\n\u0000']]],
    ['a=%EF%BB%BFx', [['a', '\ufeffx']]],
    [
      'a=%zz%4&b=%',
      [
        ['a', '%zz%4'],
        ['b', '%'],
      ],
    ],
    ['a=%ff%ED%A0%80', [['a', '\ufffd\ufffd\ufffd\ufffd']]],
    ['a=  x ', [['a', '  x ']]],
  ])('keeps %j flat and as it came', (body, expected) => {
    expect(entries(body)).toEqual(expected);
  });

  it('takes a parameter named __proto__ for nothing special', () => {
    const form = parse('__proto__=x&constructor=y&__proto__=z');
    expect(Object.getPrototypeOf(form)).toBeNull();
    expect(Object.keys(form)).toEqual(['__proto__', 'constructor']);
    expect(JSON.parse(JSON.stringify(form))).toHaveProperty('constructor', 'y');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('takes any bytes at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(() => parseForm(Buffer.from(bytes))).not.toThrow();
      }),
    );
  });

  it('refuses a body beyond its bounds before decoding it', () => {
    expect(statusOf(Buffer.alloc(MAX_BODY_BYTES, 'a'))).toBeUndefined();
    expect(statusOf(Buffer.alloc(MAX_BODY_BYTES + 1, 'a'))).toBe(413);
    expect(statusOf(Buffer.alloc(10 * 1024 * 1024, 'a'))).toBe(413);
    expect(
      statusOf(Buffer.from(Array.from({ length: MAX_PARAMETERS }, (_, n) => `p${n}=1`).join('&'))),
    ).toBeUndefined();
    expect(
      statusOf(Buffer.from(Array.from({ length: MAX_PARAMETERS + 1 }, (_, n) => `p${n}=1`).join('&'))),
    ).toBe(400);
    expect(statusOf(Buffer.alloc(100_000, '&'))).toBe(400);
  });
});

describe(single.name, () => {
  it('knows a parameter that stands once and is not empty', () => {
    const form = parse('a=1&b=&c=1&c=2');
    expect(['a', 'b', 'c', 'd', 'toString'].map((name) => single(form, name))).toEqual([
      '1',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
