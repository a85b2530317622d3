import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Child {
  process: ChildProcess;
  output: () => string;
  ended: Promise<{ code: number | null; signal: string | null }>;
}

/** Runs `code` in a process of its own, against the build. */
function run(code: string, environment: Record<string, string> = {}, ipc = false): Child {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: root,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe', ipc ? 'ipc' : 'ignore'],
  });
  children.push(child);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  // Not 'close', which never comes after this side has cut the channel.
  const ended = Promise.all([
    once(child, 'exit'),
    ...[child.stdout, child.stderr].map((stream) => (stream ? once(stream, 'end') : undefined)),
  ]).then(([exit]) => ({ code: exit[0] as number | null, signal: exit[1] as string | null }));
  return { process: child, output: () => text, ended };
}

async function printed(child: Child, what: string): Promise<void> {
  const end = Date.now() + 15_000;
  while (!child.output().includes(what)) {
    if (Date.now() > end) throw new Error(`"${what}" was not printed, but: ${child.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('runMain', () => {
  it('ends with one line when the configuration is wrong', async () => {
    const child = run(`import { runMain } from '#platform'; await runMain('migrate', async () => {});`);
    expect(await child.ended).toEqual({ code: 1, signal: null });
    expect(child.output()).toBe('DATABASE_URL must be a postgres:// URL, but is not set.\n');
  });

  it.each([
    ['thrown', `throw error`],
    ['left alone', `void Promise.reject(error); await new Promise((resolve) => setTimeout(resolve, 5000))`],
    [
      'thrown in a callback',
      `setTimeout(() => { throw error }); await new Promise((r) => setTimeout(r, 5000))`,
    ],
  ])(
    'prints an unexpected error (%s) without secrets, numbers or what hangs on it, and ends',
    async (_name, how) => {
      const child = run(
        `import { runMain } from '#platform';
       await runMain('migrate', async () => {
         const error = Object.assign(new Error('no db at hunter2hunter2 for +15550100123'), { body: 'canary' });
         ${how};
       });`,
        { DATABASE_URL: 'postgres://u:hunter2hunter2@127.0.0.1/d' },
      );
      expect((await child.ended).code).toBe(1);
      expect(child.output()).toContain('no db at [secret] for [number]');
      expect(child.output()).not.toMatch(/hunter2|5550100|canary/);
    },
  );
});

describe('crashPoint', () => {
  const code = `import { crashPoint } from '#platform';
    for (const name of ['after-claim', 'after-intent', 'after-intent']) { crashPoint(name); console.log(name); }`;

  it('does nothing when nobody asks for it', async () => {
    const child = run(code);
    expect(await child.ended).toEqual({ code: 0, signal: null });
  });

  it.each([
    ['after-claim', ''],
    ['after-intent', 'after-claim\n'],
    ['after-intent:2', 'after-claim\nafter-intent\n'],
  ])('kills at %s', async (point, before) => {
    const child = run(code, { CAUSEWAY_CRASH_POINT: point });
    expect(await child.ended).toEqual({ code: null, signal: 'SIGKILL' });
    expect(child.output()).toBe(before);
  });

  it('does nothing in production', async () => {
    const child = run(code, { CAUSEWAY_CRASH_POINT: 'after-claim', NODE_ENV: 'production' });
    expect(await child.ended).toEqual({ code: 0, signal: null });
  });
});

describe('onShutdownRequested', () => {
  const code = (handler: string, timeoutMs = 20_000) => `
    import { notifyReady, onShutdownRequested } from '#platform';
    setInterval(() => {}, 1000);
    onShutdownRequested(async (reason) => { console.log('reason ' + reason); ${handler} }, { timeoutMs: ${timeoutMs} });
    notifyReady({ port: 1 });
    console.log('started');`;
  const forever = 'await new Promise(() => {});';

  it('ends in order at SIGTERM', async () => {
    const child = run(code(`await new Promise((r) => setTimeout(r, 50)); console.log('done');`));
    await printed(child, 'started');
    child.process.kill('SIGTERM');
    expect(await child.ended).toEqual({ code: 0, signal: null });
    expect(child.output()).toBe('started\nreason SIGTERM\ndone\n');
  });

  it('ends at once at the second SIGTERM', async () => {
    const child = run(code(forever));
    await printed(child, 'started');
    child.process.kill('SIGTERM');
    await printed(child, 'reason');
    child.process.kill('SIGTERM');
    expect(await child.ended).toEqual({ code: 1, signal: null });
  });

  it('ends by itself when the handler takes too long', async () => {
    const child = run(code(forever, 100));
    await printed(child, 'started');
    child.process.kill('SIGTERM');
    expect(await child.ended).toEqual({ code: 1, signal: null });
  });

  it('ends at Ctrl-C without a launcher', async () => {
    const child = run(code(''));
    await printed(child, 'started');
    child.process.kill('SIGINT');
    expect((await child.ended).code).toBe(0);
    expect(child.output()).toContain('reason SIGINT');
  });

  it('leaves Ctrl-C to the launcher, and ends at its word', async () => {
    const child = run(code(''), {}, true);
    const [ready] = (await once(child.process, 'message')) as [unknown];
    expect(ready).toEqual({ type: 'ready', port: 1 });
    await printed(child, 'started');
    child.process.kill('SIGINT');
    child.process.send({ type: 'something else' });
    child.process.send({ type: 'shutdown' });
    expect((await child.ended).code).toBe(0);
    expect(child.output()).toBe('started\nreason message\n');
  });

  it('ends when its launcher is gone', async () => {
    const child = run(code(''), {}, true);
    await printed(child, 'started');
    child.process.disconnect();
    expect((await child.ended).code).toBe(0);
    expect(child.output()).toContain('reason disconnect');
  });
});
