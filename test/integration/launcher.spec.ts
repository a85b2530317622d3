import { execFile, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeProject, processesOf, strays, type Project, type Run } from './launcher-project.js';

const GOLDEN = '../golden/start.txt';
const CUSTOMER = '+15550123';
const hasCurl = spawnSync('curl', ['--version']).status === 0;

/** What `npm start` runs after the build, with every real program. */
describe('npm start', { timeout: 120_000 }, () => {
  let project: Project;

  describe('a first start', () => {
    let run: Run;

    beforeAll(async () => {
      project = await makeProject({ standIns: false });
      run = project.start();
      await run.printed(/^ready in/m);
    });

    afterAll(async () => project.remove());

    it('prints what runs where, what to open and how to try it', async () => {
      await expect(await normalised(run.output, project)).toMatchFileSnapshot(GOLDEN);
    });

    it('serves everything it says to open', async () => {
      const open = /^Open\n(?<lines>(?: .*\n)+)/m.exec(run.output)?.groups?.['lines'] ?? '';
      const urls = open.match(/http:\S+/g) ?? [];
      expect(urls).toHaveLength(4);
      for (const url of urls) expect((await fetch(url)).status, url).toBe(200);
    });

    it('has configured the business numbers', async () => {
      const { items } = await api<{ items: { address: string; state: string }[] }>(
        project,
        '/api/v1/numbers',
      );
      expect(new Set(items.map(({ address, state }) => `${address} ${state}`))).toEqual(
        new Set(['+15550100 configured', '+15550200 configured', 'whatsapp:+15550100 configured']),
      );
    });

    it.skipIf(!hasCurl)(
      'carries a text to an agent and the answer to the phone, by the commands it prints',
      async () => {
        const [text = '', answer = '', phone = '', conversation = ''] =
          run.output.match(/(?<=^ +)curl .*/gm) ?? [];
        expect(JSON.parse(await shell(text, project))).toMatchObject({ webhook: { status: 200 } });
        // The conversation is open as soon as the worker has made it; until then nobody waits for an agent.
        await expect
          .poll(async () => JSON.parse(await shell(answer, project)) as object, { timeout: 20_000 })
          .toHaveProperty('id');
        await expect
          .poll(async () => bodies(await shell(phone, project)), { timeout: 20_000 })
          .toEqual(['Hi, how can I help?']);
        const { items } = JSON.parse(await shell(conversation, project)) as { items: unknown[] };
        expect(items).toHaveLength(1);
      },
    );

    it('starts a killed worker again, and texts go on', async () => {
      const worker = (await processesOf(project)).find(({ name }) => name === 'worker');
      process.kill(worker?.pid ?? 0, 'SIGKILL');
      await run.printed(/^The worker ended \(SIGKILL\) and is started again/m);
      await sendText(project, 'Still there?');
      await expect.poll(async () => agentSees(project), { timeout: 30_000 }).toContain('Still there?');
    });

    it('ends everything at Ctrl-C and leaves no process', async () => {
      run.interrupt();
      expect(await run.ended).toBe(0);
      expect(strays(project)).toEqual([]);
    });
  });

  describe('after a kill -9', () => {
    beforeEach(async () => {
      project = await makeProject({ standIns: false });
    });

    afterEach(async () => {
      await project.remove();
      expect(strays(project)).toEqual([]);
    });

    it('starts again with the data kept, and texts go on', async () => {
      const first = project.start();
      await first.printed(/^ready in/m);
      await sendText(project, 'Before');
      await expect.poll(async () => agentSees(project), { timeout: 20_000 }).toContain('Before');
      const before = await api<{ items: unknown[] }>(project, '/api/v1/numbers');
      process.kill(first.pid, 'SIGKILL');

      const second = project.start();
      await second.printed(/^ready in/m);
      expect(await api(project, '/api/v1/numbers')).toEqual(before);
      const { items } = await api<{ items: { content: unknown }[] }>(project, '/api/v1/messages');
      expect(JSON.stringify(items)).toContain('Before');
      await sendText(project, 'After');
      await expect.poll(async () => agentSees(project), { timeout: 30_000 }).toContain('After');
      second.interrupt();
      expect(await second.ended).toBe(0);
    });

    it('stops at a wrong variable with the one line that names it', async () => {
      const run = project.start({ env: { LANE_LEASE_MS: 'soon' } });
      expect(await run.ended).toBe(1);
      expect(run.output.trim()).toMatch(/^LANE_LEASE_MS must be .*"soon"\.$/);
    });
  });
});

/** The output without what differs from start to start. */
async function normalised(output: string, { ports, home }: Project): Promise<string> {
  const key = (await readFile(join(home, 'admin-api-key'), 'utf8')).trim();
  const postgres = (await readFile(join(home, 'postgres', 'port'), 'utf8')).trim();
  const names = Object.entries({ ...ports, POSTGRES_PORT: postgres, KEY: key });
  const text = names.reduce((rest, [name, value]) => rest.replaceAll(value, `<${name}>`), output);
  return text.replace(/^ready in \d+\.\d s$/m, 'ready in <SECONDS> s');
}

async function shell(command: string, { dir }: Project): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-c', `${command} --silent --show-error`], {
    cwd: dir,
  });
  return stdout;
}

async function api<T>({ ports, home }: Project, path: string): Promise<T> {
  const key = (await readFile(join(home, 'admin-api-key'), 'utf8')).trim();
  const response = await fetch(`http://127.0.0.1:${ports.PORT}${path}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

async function sendText({ ports }: Project, body: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${ports.TWILIO_SIM_PORT}/__sandbox/texts`, {
    method: 'POST',
    body: JSON.stringify({ from: CUSTOMER, body }),
  });
  expect(await response.json()).toMatchObject({ webhook: { status: 200 } });
}

/** Every text that stands in a conversation of the simulated contact center. */
async function agentSees({ ports }: Project): Promise<string[]> {
  const response = await fetch(`http://127.0.0.1:${ports.CHAT_GATEWAY_SIM_PORT}/__sandbox/conversations`);
  const { items } = (await response.json()) as { items: { messages: { text: string }[] }[] };
  return items.flatMap(({ messages }) => messages.map(({ text }) => text));
}

function bodies(answer: string): string[] {
  return (JSON.parse(answer) as { items: { body: string; direction: string }[] }).items
    .filter(({ direction }) => direction.startsWith('outbound'))
    .map(({ body }) => body);
}
