import { describe, expect, it } from 'vitest';
import { DeliveryError } from '#core';
import { Pass } from './pass.js';

const ITEMS = Array.from({ length: 20 }, (_, n) => n);
const failure = (options: { httpStatus?: number; kind?: 'not-sent' | 'credentials' } = {}) =>
  new DeliveryError(options.kind ?? 'not-sent', { code: 'test', httpStatus: options.httpStatus });

async function run(
  work: (n: number) => Promise<void>,
  limits: { maxMs?: number; stop?: () => boolean } = {},
) {
  const pass = new Pass({ maxMs: limits.maxMs ?? 10_000, atOnce: 1 }, limits.stop ?? (() => false));
  const begun: number[] = [];
  await pass.each(ITEMS, async (n) => {
    begun.push(n);
    await work(n);
  });
  return { pass, begun };
}

describe(Pass.name, () => {
  it('goes on after single failures, and counts them', async () => {
    const { pass, begun } = await run((n) => (n % 2 === 0 ? Promise.reject(failure()) : Promise.resolve()));
    expect(begun).toEqual(ITEMS);
    expect(pass.failures).toBe(10);
  });

  it('ends after three failures in a row', async () => {
    const { begun } = await run((n) => (n > 4 ? Promise.reject(failure()) : Promise.resolve()));
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it.each([failure({ httpStatus: 429 }), failure({ kind: 'credentials' })])(
    'ends at once on $kind $httpStatus',
    async (error) => {
      expect((await run(() => Promise.reject(error))).begun).toEqual([0]);
    },
  );

  it('passes on what is no failure of the provider, and ends', async () => {
    await expect(run(() => Promise.reject(new Error('storage')))).rejects.toThrow('storage');
  });

  it('begins nothing once it is over or stopped', async () => {
    expect((await run(() => Promise.resolve(), { maxMs: -1 })).begun).toEqual([]);
    let stopped = false;
    const { begun } = await run(
      (n) => {
        stopped = n === 3;
        return Promise.resolve();
      },
      { stop: () => stopped },
    );
    expect(begun).toEqual([0, 1, 2, 3]);
  });
});
