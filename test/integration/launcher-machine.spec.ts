import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BridgeMessage, SandboxState } from '../../apps/sandbox/src/page/state.js';
import { makeProject, type Project } from './launcher-project.js';

const PHONE = '/phones/%2B15550123/texts';

/** What the sandbox's page does to the processes of `npm start`, through the launcher that owns them. */
describe('npm start: the machine of the sandbox', { timeout: 120_000 }, () => {
  let project: Project;

  beforeAll(async () => {
    project = await makeProject({ standIns: false });
    await project.start().printed(/^ready in/m);
  });

  afterAll(async () => project.remove());

  const call = async (path: string, body?: object): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`http://127.0.0.1:${project.ports.SANDBOX_PORT}/api${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
    return { status: response.status, body: await response.json() };
  };
  const state = async (): Promise<SandboxState> => (await call('/state')).body as SandboxState;
  const machine = async () => (await state()).machine;
  const delivered = async (text: string): Promise<BridgeMessage> => {
    let found: BridgeMessage | undefined;
    await expect
      .poll(
        async () => {
          found = (await state()).bridge.messages.find((one) => one.text === text);
          return found?.delivery;
        },
        { timeout: 60_000, interval: 100 },
      )
      .toBe('submitted');
    return found as BridgeMessage;
  };

  it('owns everything, and says so', async () => {
    expect(await machine()).toEqual({
      worker: { running: true, restarts: 0 },
      queue: { home: 'postgres' },
      postgres: { running: true, restarts: 0 },
    });
  });

  it('kills the worker; another delivers what came meanwhile', async () => {
    expect(await call('/worker/kill', {})).toMatchObject({ status: 202 });
    expect(await call(PHONE, { body: 'while no worker runs' })).toMatchObject({ body: { accepted: true } });
    await expect.poll(machine, { timeout: 30_000 }).toMatchObject({ worker: { running: true, restarts: 1 } });
    await delivered('while no worker runs');
  });

  it('freezes the queue: texts are accepted, and delivered without it', async () => {
    const startedAt = Date.now();
    expect(await call('/queue/freeze', { seconds: 30 })).toMatchObject({ status: 202 });
    const until = (await machine()).queue.frozenUntil ?? '';
    expect(Date.parse(until) - startedAt).toBeGreaterThan(25_000);
    expect(await call(PHONE, { body: 'while the queue is frozen' })).toMatchObject({
      body: { accepted: true },
    });
    const message = await delivered('while the queue is frozen');
    expect(Date.parse(message.submittedAt ?? '')).toBeLessThan(Date.parse(until));
    expect(await call('/queue/thaw', {})).toMatchObject({ status: 202 });
    expect((await machine()).queue).toEqual({ home: 'postgres' });
    await call(PHONE, { body: 'after the thaw' });
    await delivered('after the thaw');
  });

  it('takes several freezes and thaws at once, one after the other', async () => {
    const freezes = await Promise.all([1, 2, 3].map(async () => call('/queue/freeze', { seconds: 30 })));
    expect(freezes.map(({ status }) => status)).toEqual([202, 202, 202]);
    const both = await Promise.all([call('/queue/freeze', { seconds: 30 }), call('/queue/thaw', {})]);
    expect(both.map(({ status }) => status)).toEqual([202, 202]);
    await call('/queue/thaw', {});
    expect((await machine()).queue).toEqual({ home: 'postgres' });
    await call(PHONE, { body: 'after many freezes' });
    await delivered('after many freezes');
  });

  it('thaws by itself when the time is over', async () => {
    await call('/queue/freeze', { seconds: 1 });
    expect((await machine()).queue).toHaveProperty('frozenUntil');
    await delay(1200);
    await expect.poll(machine).not.toHaveProperty('queue.frozenUntil');
  });

  it('restarts Postgres; nothing accepted is lost, and a frozen queue does not outlive it', async () => {
    await call('/queue/freeze', { seconds: 60 });
    expect(await call(PHONE, { body: 'before the restart' })).toMatchObject({ body: { accepted: true } });
    expect(await call('/postgres/restart', {})).toMatchObject({ status: 202 });
    await expect
      .poll(machine, { timeout: 30_000 })
      .toMatchObject({ postgres: { running: true, restarts: 1 } });
    expect((await machine()).queue).toEqual({ home: 'postgres' });
    await delivered('before the restart');
    await expect
      .poll(async () => (await call(PHONE, { body: 'after the restart' })).body, { timeout: 30_000 })
      .toMatchObject({ accepted: true });
    await delivered('after the restart');
  });
});
