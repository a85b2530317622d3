import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeKey } from '../../../test/fixtures/chat-gateway/signer.js';
import type { SigningKey } from '../../../test/fixtures/chat-gateway/signer.js';
import { isKeyId, SigningKeys } from './keys.js';
import type { FetchKey, KeyAnswer } from './keys.js';

let good: SigningKey;
let next: SigningKey;
beforeAll(() => {
  good = makeKey('good');
  next = makeKey('next');
});

let now = 0;
let asked: string[] = [];
let answers: Record<string, KeyAnswer | 'down'> = {};
beforeEach(() => {
  now = 1_000_000;
  asked = [];
  answers = { good: { found: true, jwk: good.jwk }, next: { found: true, jwk: next.jwk } };
});

const fetchKey: FetchKey = async (kid) => {
  asked.push(kid);
  const answer = answers[kid] ?? { found: false };
  if (answer === 'down') throw new Error('down');
  return answer;
};

function fresh(): SigningKeys {
  return new SigningKeys(fetchKey, () => now);
}

const outcome = async (keys: SigningKeys, kid: string) => {
  const found = await keys.get(kid);
  return 'key' in found ? 'key' : found.refused;
};

describe('key ids', () => {
  it.each(['a', 'A-Z_09', 'k'.repeat(64)])('%s may be looked up', (kid) => expect(isKeyId(kid)).toBe(true));
  it.each(['', 'k'.repeat(65), 'a/b', 'a.b', 'a\n', 'é', 1, null, undefined, ['a']])('%s may not', (kid) =>
    expect(isKeyId(kid)).toBe(false),
  );
});

describe('looking up', () => {
  it('asks once for a key and keeps it for its life', async () => {
    const keys = fresh();
    expect(await Promise.all([1, 2, 3].map(() => outcome(keys, 'good')))).toEqual(['key', 'key', 'key']);
    now += 2_999_999;
    expect(await outcome(keys, 'good')).toBe('key');
    expect(asked).toEqual(['good']);
  });

  it('fetches a key anew beside the traffic before its life ends', async () => {
    const keys = fresh();
    await keys.get('good');
    now += 3_000_000;
    expect(await outcome(keys, 'good')).toBe('key');
    expect(asked).toEqual(['good', 'good']);
    now += 2_000_000;
    expect(await outcome(keys, 'good')).toBe('key');
    expect(asked).toHaveLength(2);
  });

  it('forgets a key that the far side has withdrawn', async () => {
    const keys = fresh();
    await keys.get('good');
    answers['good'] = { found: false };
    now += 3_000_000;
    await keys.get('good');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await outcome(keys, 'good')).toBe('unknown');
  });

  it('uses no key beyond its life, whatever the key service does', async () => {
    const keys = fresh();
    await keys.get('good');
    answers['good'] = 'down';
    now += 3_599_999;
    expect(await outcome(keys, 'good')).toBe('key');
    now += 1;
    expect(await outcome(keys, 'good')).toBe('unavailable');
  });

  it('remembers for a minute that a key is unknown', async () => {
    const keys = fresh();
    expect(await outcome(keys, 'invented')).toBe('unknown');
    now += 59_999;
    expect(await outcome(keys, 'invented')).toBe('unknown');
    expect(asked).toEqual(['invented']);
    now += 1;
    answers['invented'] = { found: true, jwk: { ...good.jwk, kid: 'invented' } };
    expect(await outcome(keys, 'invented')).toBe('key');
  });

  it('says that it cannot tell while the key service is away, and asks again', async () => {
    const keys = fresh();
    answers['good'] = 'down';
    expect(await outcome(keys, 'good')).toBe('unavailable');
    answers['good'] = { found: true, jwk: good.jwk };
    expect(await outcome(keys, 'good')).toBe('unavailable');
    now += 1000;
    expect(await outcome(keys, 'good')).toBe('key');
  });

  it('takes a new key beside the old one when the far side rotates', async () => {
    const keys = fresh();
    await keys.get('good');
    now += 1000;
    expect(await outcome(keys, 'next')).toBe('key');
    expect(await outcome(keys, 'good')).toBe('key');
  });
});

describe('a flood of invented ids', () => {
  it('costs one look-up a second, and neither delays nor displaces good keys', async () => {
    const keys = fresh();
    await keys.get('good');
    now += 1000;
    const outcomes = new Set<string>();
    for (let i = 0; i < 5000; i += 1) {
      outcomes.add(await outcome(keys, `invented-${i}`));
      now += 1;
    }
    expect(asked.length).toBeGreaterThanOrEqual(5);
    expect(asked.length).toBeLessThanOrEqual(7);
    expect(outcomes).toEqual(new Set(['unknown', 'unavailable']));
    expect(await outcome(keys, 'good')).toBe('key');
    expect(asked.filter((kid) => kid === 'good')).toHaveLength(1);
  });

  it('does not keep a good key from being renewed', async () => {
    const keys = fresh();
    await keys.get('good');
    now += 3_000_000;
    await keys.get('flood-before');
    await keys.get('good');
    expect(asked).toEqual(['good', 'flood-before']);
    now += 1000;
    expect(await outcome(keys, 'flood')).toBe('unavailable');
    expect(asked).toEqual(['good', 'flood-before', 'good']);
    now += 1000;
    expect(await outcome(keys, 'flood')).toBe('unknown');
  });

  it('does not fill the memory', async () => {
    const keys = fresh();
    for (let i = 0; i < 1100; i += 1) {
      await keys.get(`invented-${i}`);
      now += 1000;
    }
    // No answer shows the bounds; only the maps themselves do.
    expect(Reflect.get(keys, 'unknown')).toHaveProperty('size', 1000);
    for (let i = 0; i < 120; i += 1) {
      answers[`k${i}`] = { found: true, jwk: { ...good.jwk, kid: `k${i}` } };
      await keys.get(`k${i}`);
      now += 1000;
    }
    expect(Reflect.get(keys, 'keys')).toHaveProperty('size', 100);
  });

  it('has one look-up in flight per id', async () => {
    let finish: (answer: KeyAnswer) => void = () => undefined;
    const slow = new SigningKeys(
      (kid) => {
        asked.push(kid);
        return new Promise((resolve) => (finish = resolve));
      },
      () => now,
    );
    const first = outcome(slow, 'good');
    now += 5000;
    const second = outcome(slow, 'good');
    expect(asked).toEqual(['good']);
    finish({ found: true, jwk: good.jwk });
    expect(await Promise.all([first, second])).toEqual(['key', 'key']);
  });
});

describe('what counts as a key', () => {
  it.each<[string, () => unknown, string]>([
    ['RSA of 2048 bits', () => good.jwk, 'key'],
    ['with alg and use', () => ({ ...good.jwk, alg: 'RS256', use: 'sig' }), 'key'],
    ['without its id', () => ({ ...good.jwk, kid: undefined }), 'key'],
    [
      'with an odd member that would bar verifying',
      () => ({ ...good.jwk, key_ops: ['encrypt'], d: 'AQAB' }),
      'key',
    ],
    ['another id', () => ({ ...good.jwk, kid: 'other' }), 'unknown'],
    ['another algorithm', () => ({ ...good.jwk, alg: 'PS256' }), 'unknown'],
    ['1024 bits', () => ({ ...makeKey('good', 1024).jwk }), 'unknown'],
    ['a symmetric key', () => ({ kty: 'oct', k: 'AAAA', kid: 'good' }), 'unknown'],
    ['an elliptic curve', () => ({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'good' }), 'unknown'],
    ['no modulus', () => ({ kty: 'RSA', e: 'AQAB', kid: 'good' }), 'unknown'],
    ['an error in place of a key', () => ({ message: 'Internal error.' }), 'unavailable'],
    ['nothing', () => undefined, 'unavailable'],
    ['a list', () => [], 'unavailable'],
  ])('%s', async (_name, jwk, expected) => {
    answers['good'] = { found: true, jwk: jwk() };
    expect(await outcome(fresh(), 'good')).toBe(expected);
  });
});
