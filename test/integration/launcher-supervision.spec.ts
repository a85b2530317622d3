import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeProject, PORTS, processesOf, strays, type Project, type Run } from './launcher-project.js';

const isRoot = process.getuid?.() === 0;

/** The launcher as built, with the real embedded Postgres and tiny stand-ins for our other programs. */
describe('npm start: supervision', { timeout: 120_000 }, () => {
  let project: Project;

  beforeEach(async () => {
    project = await makeProject({ standIns: true });
  });

  afterEach(async () => {
    await project.remove();
    expect(strays(project)).toEqual([]);
  });

  const events = async () => (await readFile(join(project.dir, 'events.log'), 'utf8')).trim().split('\n');
  const pidOf = async (name: string) =>
    (await processesOf(project)).find((entry) => entry.name === name)?.pid;
  const names = async () => (await processesOf(project)).map(({ name }) => name).toSorted();

  async function environmentOf(name: string): Promise<Record<string, string>> {
    return JSON.parse(await readFile(join(project.dir, `env-${name}.json`), 'utf8')) as Record<
      string,
      string
    >;
  }

  describe('starting', () => {
    it('runs Postgres, migrations, the services and the sandbox, and configures the business numbers', async () => {
      const run = project.start();
      await run.printed(/^ready in \d+\.\d s$/m);
      expect(await names()).toEqual(['gateway', 'launcher', 'postgres', 'sandbox', 'worker']);
      const key = (await readFile(join(project.home, 'admin-api-key'), 'utf8')).trim();
      const seen = await events();
      expect(seen.indexOf('migrate began')).toBeLessThan(seen.indexOf('gateway began'));
      const configured = seen.filter((line) => line.startsWith('gateway POST'));
      const post = (address: string, queueId: string): string =>
        `gateway POST /api/v1/numbers Bearer ${key} ${JSON.stringify({ address, queueId, chatGatewayChannelId: '25' })}`;
      expect(new Set(configured)).toEqual(
        new Set([post('+15550100', '100'), post('+15550200', '200'), post('whatsapp:+15550100', '100')]),
      );
    });

    it('hands every program its part of the environment', async () => {
      // The sandbox is one tenant, whatever else is set.
      await project.start({ env: { LANE_LEASE_MS: '20000', TENANTS: '[]' } }).printed(/^ready in/m);
      const { PORT, WORKER_PORT, TWILIO_SIM_PORT, CHAT_GATEWAY_SIM_PORT } = project.ports;
      const shared = {
        DATABASE_URL: expect.stringMatching(
          /^postgres:\/\/causeway:.+@127\.0\.0\.1:\d+\/causeway$/,
        ) as string,
        HOST: '127.0.0.1',
        PUBLIC_BASE_URL: `http://localhost:${PORT}`,
        TWILIO_ACCOUNT_SID: expect.stringMatching(/^AC[0-9a-f]{32}$/) as string,
        TWILIO_API_BASE_URL: `http://127.0.0.1:${TWILIO_SIM_PORT}`,
        CHAT_GATEWAY_BASE_URL: `http://127.0.0.1:${CHAT_GATEWAY_SIM_PORT}`,
        LANE_LEASE_MS: '20000',
        TENANTS: '',
      };
      const [gateway, worker, sandbox] = await Promise.all(
        ['gateway', 'worker', 'sandbox'].map(environmentOf),
      );
      expect(gateway).toMatchObject({ ...shared, PORT });
      expect(worker).toMatchObject({ ...shared, PORT: WORKER_PORT });
      expect(sandbox).toMatchObject({
        SANDBOX_PORT: project.ports.SANDBOX_PORT,
        TWILIO_SIM_PORT,
        CHAT_GATEWAY_SIM_PORT,
        SANDBOX_CHANNEL_ID: '25',
        SANDBOX_GATEWAY_URL: `http://127.0.0.1:${PORT}`,
        ADMIN_API_KEY: gateway?.['ADMIN_API_KEY'],
      });
      expect(sandbox?.['TWILIO_AUTH_TOKEN']).toBe(gateway?.['TWILIO_AUTH_TOKEN']);
      expect(sandbox).not.toHaveProperty('DATABASE_URL');
    });

    it('keeps what it makes private, and shows the operator key only once', async () => {
      const first = project.start();
      await first.printed(/^ready in/m);
      const key = (await readFile(join(project.home, 'admin-api-key'), 'utf8')).trim();
      for (const name of ['admin-api-key', 'sandbox.json', 'run.json']) {
        expect((await stat(join(project.home, name))).mode & 0o777).toBe(0o600);
      }
      first.interrupt();
      await first.ended;
      const second = project.start();
      await second.printed(/^ready in/m);
      expect(first.output).toContain(key);
      expect(second.output).not.toContain(key);
    });

    it('runs no sandbox with real credentials, for all tenants, and says where webhooks go', async () => {
      const tenants = {
        TWILIO_SUBACCOUNTS: 'ACacme:token',
        TENANTS: JSON.stringify([
          {
            id: 'acme',
            chatGateway: { apiKey: 'key', tenantId: 'acme', customerId: 'customer' },
            twilioAccounts: ['ACacme'],
          },
        ]),
      };
      const run = project.start({
        env: {
          TWILIO_ACCOUNT_SID: `AC${'1'.repeat(32)}`,
          TWILIO_AUTH_TOKEN: 'token',
          CHAT_GATEWAY_API_KEY: 'key',
          CHAT_GATEWAY_TENANT_ID: 'tenant',
          CHAT_GATEWAY_CUSTOMER_ID: 'customer',
          PUBLIC_BASE_URL: 'https://text.example.com',
          ...tenants,
        },
      });
      await run.printed(/^ready in/m);
      expect(await environmentOf('gateway')).toMatchObject(tenants);
      expect(await environmentOf('worker')).toMatchObject(tenants);
      expect(await names()).toEqual(['gateway', 'launcher', 'postgres', 'worker']);
      expect(run.output).toContain('https://text.example.com/webhooks/twilio/messages');
      expect((await events()).some((line) => line.includes('/api/v1/numbers'))).toBe(false);
    });
  });

  describe('refusing to start', () => {
    it.each(PORTS)('names a taken port and %s, before anything is started', async (variable) => {
      const port = project.ports[variable];
      const stranger = createServer().listen(Number(port), '127.0.0.1');
      await once(stranger, 'listening');
      const run = project.start();
      expect(await run.ended).toBe(1);
      stranger.close();
      expect(run.output.trim().split('\n')).toHaveLength(1);
      expect(run.output).toMatch(
        new RegExp(`^Port ${port} for .* is taken: .* ${variable}=\\d+ npm start\\.$`, 'm'),
      );
      expect(existsSync(join(project.home, 'postgres'))).toBe(false);
    });

    it('names two ports that are the same', async () => {
      const run = project.start({ env: { WORKER_PORT: project.ports.PORT } });
      expect(await run.ended).toBe(1);
      expect(run.output.trim()).toBe(
        `PORT and WORKER_PORT are both ${project.ports.PORT}: change one of them.`,
      );
    });

    it.each([
      [{ TWILIO_ACCOUNT_SID: `AC${'1'.repeat(32)}` }, 'TWILIO_AUTH_TOKEN'],
      [{ CHAT_GATEWAY_API_KEY: 'key', CHAT_GATEWAY_TENANT_ID: 'tenant' }, 'CHAT_GATEWAY_CUSTOMER_ID'],
    ])('refuses some but not all credentials (%o)', async (env, missing) => {
      const run = project.start({ env: env as Record<string, string> });
      expect(await run.ended).toBe(1);
      expect(run.output.trim().split('\n')).toHaveLength(1);
      expect(run.output).toContain(missing);
      expect(run.output).toContain('must be set together with');
      expect(existsSync(project.home)).toBe(false);
    });

    it.each([
      [{ PORT: 'abc' }, 'PORT must be a whole number between 0 and 65535'],
      [{ WORKER_PORT: '70000' }, 'WORKER_PORT must be a whole number between 0 and 65535, but is "70000".'],
      [{ DATABASE_URL: 'postgres://x@127.0.0.1:1/x' }, 'ADMIN_API_KEY must be set when DATABASE_URL is'],
    ])('names a wrong variable (%o)', async (env, line) => {
      const run = project.start({ env: env as Record<string, string> });
      expect(await run.ended).toBe(1);
      expect(run.output.trim().split('\n')).toHaveLength(1);
      expect(run.output).toContain(line);
    });

    it.each(['migrate', 'gateway', 'worker', 'sandbox'])(
      'ends everything when the %s cannot start',
      async (name) => {
        const run = project.start({ env: { STAND_IN_FAILS: name } });
        expect(await run.ended).toBe(1);
        expect(run.output).toContain('LANE_LEASE_MS must be a number.');
        expect(run.output.trim().split('\n')).toHaveLength(1);
        expect(strays(project)).toEqual([]);
      },
    );

    it('does not start twice in one place', async () => {
      const first = project.start();
      await first.printed(/^ready in/m);
      const second = project.start({
        env: Object.fromEntries(PORTS.map((name) => [name, '0'])),
      });
      expect(await second.ended).toBe(1);
      expect(second.output.trim()).toBe(`Causeway already runs here (process ${first.pid}): stop it first.`);
      expect(await names()).toEqual(['gateway', 'launcher', 'postgres', 'sandbox', 'worker']);
    });
  });

  describe('ending', () => {
    it.each(['SIGINT', 'SIGTERM'] as const)('%s ends all in order and leaves no process', async (signal) => {
      const run = project.start();
      await run.printed(/^ready in/m);
      process.kill(-run.pid, signal);
      expect(await run.ended).toBe(0);
      const ends = (await events()).filter((line) => /ended|interrupted|orphaned/.test(line));
      expect(ends).toEqual(['gateway ended', 'worker ended', 'sandbox ended']);
      expect(strays(project)).toEqual([]);
    });

    it('ends what was started when it is interrupted half-way', async () => {
      const run = project.start();
      while (!existsSync(join(project.home, 'postgres', 'password')))
        await new Promise((again) => setTimeout(again, 5));
      run.interrupt();
      expect(await run.ended).toBe(0);
      expect(strays(project)).toEqual([]);
      const again = project.start();
      await again.printed(/^ready in/m);
    });

    it('a second Ctrl-C ends at once what does not end by itself', async () => {
      const run = project.start({ env: { STAND_IN_STUBBORN: 'gateway' } });
      await run.printed(/^ready in/m);
      run.interrupt();
      // npm passes the first one on, so the launcher takes another one right after it for the same.
      run.interrupt();
      await new Promise((later) => setTimeout(later, 700));
      expect(run.process.exitCode).toBeNull();
      run.interrupt();
      expect(await run.ended).toBe(0);
      expect(strays(project)).toEqual([]);
    });

    // npm passes SIGTERM on, and ignores SIGINT, which a terminal sends to everybody.
    it.each([
      ['Ctrl-C at', (run: Run): void => run.interrupt()],
      ['SIGTERM to', (run: Run): void => void process.kill(run.pid, 'SIGTERM')],
    ] as const)('%s npm start does the same', async (_how, end) => {
      const run = project.start({ command: ['npm', 'start'] });
      await run.printed(/^ready in/m);
      end(run);
      await run.ended;
      await expect.poll(() => strays(project), { timeout: 15_000 }).toEqual([]);
      expect((await events()).at(-1)).toBe('sandbox ended');
    });
  });

  describe('failing parts', () => {
    it.each(['gateway', 'worker', 'sandbox'])(
      'starts a killed %s again and says so in one line',
      async (name) => {
        const run = project.start();
        await run.printed(/^ready in/m);
        const before = await pidOf(name);
        process.kill(before ?? 0, 'SIGKILL');
        await run.printed(
          new RegExp(`^The ${name} ended \\(SIGKILL\\) and is started again in 0\\.25 s`, 'm'),
        );
        await expect
          .poll(async () => pidOf(name), { timeout: 10_000 })
          .toSatisfy((pid) => Boolean(pid) && pid !== before);
        expect(await names()).toEqual(['gateway', 'launcher', 'postgres', 'sandbox', 'worker']);
      },
    );

    it('waits longer each time for one that dies again and again', async () => {
      const run = project.start();
      await run.printed(/^ready in/m);
      for (const seconds of ['0\\.25', '0\\.5', '1']) {
        await expect.poll(async () => pidOf('worker'), { timeout: 10_000 }).toBeTruthy();
        process.kill((await pidOf('worker')) ?? 0, 'SIGKILL');
        await run.printed(new RegExp(`started again in ${seconds} s`));
      }
    });

    it('starts a killed Postgres again under the same address', async () => {
      const run = project.start();
      await run.printed(/^ready in/m);
      const before = await pidOf('postgres');
      const port = await readFile(join(project.home, 'postgres', 'port'), 'utf8');
      process.kill(before ?? 0, 'SIGKILL');
      await run.printed(/^Postgres ended and is started again/m);
      await expect
        .poll(async () => pidOf('postgres'), { timeout: 20_000 })
        .toSatisfy((pid) => Boolean(pid) && pid !== before);
      expect(await readFile(join(project.home, 'postgres', 'port'), 'utf8')).toBe(port);
      run.interrupt();
      expect(await run.ended).toBe(0);
    });

    it('kill -9 of the launcher leaves only Postgres, which the next start adopts', async () => {
      const first = project.start();
      await first.printed(/^ready in/m);
      const postgres = await pidOf('postgres');
      process.kill(first.pid, 'SIGKILL');
      await expect.poll(names, { timeout: 10_000 }).toEqual(['postgres']);
      const second = project.start();
      await second.printed(/^ready in/m);
      expect(await pidOf('postgres')).toBe(postgres);
      expect(second.output).toContain('(found running)');
      second.interrupt();
      expect(await second.ended).toBe(0);
      expect(strays(project)).toEqual([]);
    });

    it('ends a child of a killed launcher that did not leave by itself', async () => {
      const first = project.start({ env: { STAND_IN_STUBBORN: 'gateway' } });
      await first.printed(/^ready in/m);
      process.kill(first.pid, 'SIGKILL');
      const second = project.start();
      await second.printed(/^ready in/m);
      expect(strays(project).filter((line) => line.includes('gateway'))).toHaveLength(1);
    });
  });

  it.runIf(isRoot)("works as an ordinary user, all in that user's name", async () => {
    spawnSync('chown', ['-RP', 'nobody', project.dir]);
    const run = project.start({
      command: [
        'setpriv',
        '--reuid=nobody',
        '--regid=nogroup',
        '--clear-groups',
        process.execPath,
        'dist/apps/launcher/src/main.js',
      ],
      env: { HOME: project.dir },
    });
    await run.printed(/^ready in/m);
    const nobody = (await stat(project.dir)).uid;
    const all = await processesOf(project);
    expect(all).toHaveLength(5);
    for (const { pid } of all) expect((await stat(`/proc/${pid}`)).uid).toBe(nobody);
    expect((await stat(project.home)).mode & 0o777).toBe(0o700);
    run.interrupt();
    expect(await run.ended).toBe(0);
  });
});
