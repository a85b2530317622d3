import { describe, expect, it } from 'vitest';
import type { MachineNews } from '#platform';
import { Machine, type MachineParts } from './machine.js';

function make(yours: { redis: boolean; postgres: boolean }, parts: Partial<MachineParts> = {}) {
  const told: MachineNews[] = [];
  const machine = new Machine(yours, {
    killWorker: () => undefined,
    restartPostgres: async () => undefined,
    databaseUrl: () => 'postgres://nobody@127.0.0.1:1/none',
    tell: (news) => told.push(structuredClone(news)),
    ...parts,
  });
  return { machine, told };
}

describe(Machine.name, () => {
  it.each([
    [{ redis: false, postgres: false }, 'postgres', undefined, undefined],
    [{ redis: true, postgres: false }, 'redis', /Redis of your own/, undefined],
    [{ redis: false, postgres: true }, 'postgres', /Postgres is your own/, /Postgres is your own/],
  ] as const)('%j: touches only what the launcher owns', (yours, home, queue, postgres) => {
    const { machine, told } = make(yours);
    machine.introduce();
    const [news] = told;
    if (news?.type !== 'machine-state') throw new Error('no state');
    expect(news.state.queue.home).toBe(home);
    for (const [unavailable, words] of [
      [news.state.queue.unavailable, queue],
      [news.state.postgres.unavailable, postgres],
    ] as const) {
      if (words) expect(unavailable).toMatch(words);
      else expect(unavailable).toBeUndefined();
    }
  });

  it('tells whenever the worker or Postgres comes or goes, and counts how often each came back', () => {
    const { machine, told } = make({ redis: false, postgres: false });
    for (const running of [true, false, true]) machine.workerIs(running);
    for (const running of [false, true]) machine.postgresIs(running);
    const last = told.at(-1);
    expect(told).toHaveLength(5);
    expect(last).toMatchObject({
      state: { worker: { running: true, restarts: 1 }, postgres: { running: true, restarts: 1 } },
    });
  });

  it('answers each request, also when it cannot be done, and hears nothing else', async () => {
    let killed = 0;
    const { machine, told } = make({ redis: false, postgres: false }, { killWorker: () => (killed += 1) });
    machine.hear('something');
    machine.hear(null);
    machine.workerIs(true);
    machine.hear({ type: 'machine-request', id: '1', action: 'kill-worker' });
    machine.hear({ type: 'machine-request', id: '2', action: 'freeze-queue', seconds: 1 });
    const answers = () => told.filter(({ type }) => type === 'machine-answer');
    await expect.poll(() => answers().length, { timeout: 20_000 }).toBe(2);
    expect(killed).toBe(1);
    expect(told).toContainEqual({ type: 'machine-answer', id: '1' });
    expect(told).toContainEqual({
      type: 'machine-answer',
      id: '2',
      error: expect.stringMatching(/ECONNREFUSED/) as string,
    });
  });
});
