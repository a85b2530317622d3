import { describe, expect, it } from 'vitest';
import { LinkSecrets } from './link-secrets.js';

const [old, young] = [Buffer.from('old'), Buffer.from('young')];

function setUp(first: Buffer[] | Error) {
  const world = { stored: first, reads: 0, nowMs: 0 };
  const secrets = new LinkSecrets(
    async () => {
      world.reads += 1;
      if (world.stored instanceof Error) throw world.stored;
      return world.stored;
    },
    () => world.nowMs,
  );
  return { world, secrets };
}

describe(LinkSecrets.name, () => {
  it('asks once, whoever asks at the same time', async () => {
    const { world, secrets } = setUp([old]);
    await Promise.all([secrets.newest(), secrets.newest(), secrets.all()]);
    expect(await secrets.newest()).toBe(old);
    expect(world.reads).toBe(1);
  });

  it('learns of a new one when something does not verify, at most every ten seconds', async () => {
    const { world, secrets } = setUp([old]);
    await secrets.all();
    world.stored = [young, old];
    expect(await secrets.changed()).toBe(false);
    world.nowMs = 10_000;
    expect(await secrets.changed()).toBe(true);
    expect(await secrets.all()).toEqual([young, old]);
    for (let n = 0; n < 100; n += 1) expect(await secrets.changed()).toBe(false);
    expect(world.reads).toBe(2);
  });

  it('does without the database once it knows one', async () => {
    const { world, secrets } = setUp([old]);
    await secrets.all();
    world.stored = new Error('away');
    world.nowMs = 3_600_000;
    expect(await secrets.newest()).toBe(old);
    expect(await secrets.changed()).toBe(false);
    expect(await secrets.newest()).toBe(old);
  });

  it('rejects while it knows none, and asks again', async () => {
    const { world, secrets } = setUp(new Error('away'));
    await expect(secrets.newest()).rejects.toThrow('away');
    world.stored = [old];
    expect(await secrets.newest()).toBe(old);
  });
});
