import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { processState } from '#platform';
import { PORT_VARIABLES } from '../../apps/launcher/src/options.js';
import { freePort } from '../support/postgres.js';

const SOURCE = resolve(import.meta.dirname, '../..');
const LAUNCHER = [process.execPath, 'dist/apps/launcher/src/main.js'] as const;
const FOREIGN =
  /^(TWILIO_|CHAT_GATEWAY_|TENANTS|SCHEDULE_|METRICS_|DATABASE_URL|REDIS_URL|ADMIN_API_KEY|PORT|HOST|WORKER_PORT|PUBLIC_BASE_URL|CAUSEWAY_)/;

/** What moves the ports of `npm start`. */
export const PORTS = Object.values(PORT_VARIABLES);

/** A copy of the built project with a `.causeway` of its own, in which `npm start` can be tried. */
export interface Project {
  dir: string;
  home: string;
  ports: Record<(typeof PORTS)[number], string>;
  /** Runs what `npm start` runs after the build. */
  start(options?: StartOptions): Run;
  /** Ends what is left of any start and removes the copy. */
  remove(): Promise<void>;
}

export interface StartOptions {
  env?: Record<string, string>;
  /** Instead of the launcher itself, such as `npm start`. */
  command?: readonly [string, ...string[]];
}

/** One start under way. */
export interface Run {
  process: ChildProcess;
  pid: number;
  /** Everything printed so far. */
  readonly output: string;
  /** Resolves with the exit code, or the signal's name. */
  ended: Promise<number | string | null>;
  /** Waits until `pattern` was printed; fails when the process ends before. */
  printed(pattern: RegExp, timeoutMs?: number): Promise<void>;
  /** As Ctrl-C does: to the whole process group. */
  interrupt(): void;
}

/** Our own code as built, and node_modules by reference; `standIns` replaces the four programs by tiny ones. */
export async function makeProject(options: { standIns: boolean }): Promise<Project> {
  if (!existsSync(join(SOURCE, 'dist/apps/launcher/src/main.js')))
    throw new Error('Run `npm run build` first.');
  const dir = await mkdtemp(join(tmpdir(), 'causeway-start-'));
  await chmod(dir, 0o711);
  const manifest = JSON.parse(await readFile(join(SOURCE, 'package.json'), 'utf8')) as { scripts: object };
  const scripts = { ...manifest.scripts, build: 'node -e 0' };
  await writeFile(join(dir, 'package.json'), JSON.stringify({ ...manifest, scripts }));
  await symlink(join(SOURCE, 'node_modules'), join(dir, 'node_modules'));
  const parts = options.standIns ? ['libs/platform', 'apps/launcher'] : ['libs', 'apps'];
  for (const part of parts)
    await cp(join(SOURCE, 'dist', part), join(dir, 'dist', part), { recursive: true });
  if (options.standIns) await writeStandIns(dir);
  const ports = await freePorts();
  const runs: Run[] = [];
  const project: Project = {
    dir,
    home: join(dir, '.causeway'),
    ports,
    start: ({ env = {}, command = LAUNCHER }: StartOptions = {}) => {
      const run = startRun(dir, command, { ...ports, ...env });
      runs.push(run);
      return run;
    },
    remove: async () => {
      const pids = await processesOf(project);
      for (const run of runs) kill(run.pid, 'SIGKILL');
      for (const { pid } of pids) kill(pid, 'SIGKILL');
      await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
  return project;
}

/** Every living process of a project, as its own notes name them, by program. */
export async function processesOf(project: Project): Promise<{ name: string; pid: number }[]> {
  const run = JSON.parse(await read(join(project.home, 'run.json'), '{}')) as {
    launcher?: number;
    children?: Record<string, number>;
  };
  const postmaster = Number.parseInt(await read(join(project.home, 'postgres/data/postmaster.pid'), '0'));
  const known = { ...run.children, launcher: run.launcher ?? 0, postgres: postmaster };
  const seen = await Promise.all(
    Object.entries(known).map(async ([name, pid]) => ({ name, pid, state: (await processState(pid)).state })),
  );
  return seen.filter(({ state }) => state === 'alive').map(({ name, pid }) => ({ name, pid }));
}

/** The ids of every living process whose command line names the project's directory: finds what no note names. */
export function strays(project: Project): string[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,stat=,args='], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.includes(project.dir) && !/^\s*\d+\s+Z/.test(line));
}

function startRun(
  dir: string,
  [file, ...args]: readonly [string, ...string[]],
  env: Record<string, string>,
): Run {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !FOREIGN.test(name) && !name.startsWith('VITEST'),
  );
  const path = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
  const child = spawn(file, args, {
    cwd: dir,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(inherited), PATH: path, NODE_ENV: 'production', ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  }
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string | null);
  const pid = child.pid ?? 0;
  return {
    process: child,
    pid,
    get output() {
      return output;
    },
    ended,
    interrupt: () => process.kill(-pid, 'SIGINT'),
    printed: async (pattern, timeoutMs = 60_000) => {
      const deadline = Date.now() + timeoutMs;
      while (!pattern.test(output)) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`Ended early:\n${output}`);
        if (Date.now() > deadline) throw new Error(`${pattern} was not printed in time:\n${output}`);
        await new Promise((again) => setTimeout(again, 20));
      }
    },
  };
}

/** Each notes its beginning and end in `events.log`; the gateway also what was posted to it. */
async function writeStandIns(dir: string): Promise<void> {
  const program = `
    import { appendFileSync } from 'node:fs';
    import { createServer } from 'node:http';
    const name = process.argv[1].split('/').at(-3);
    const note = (text) => appendFileSync(${JSON.stringify(join(dir, 'events.log'))}, name + ' ' + text + '\\n');
    if (process.env.STAND_IN_FAILS === name) {
      console.error('LANE_LEASE_MS must be a number.');
      process.exit(1);
    }
    note('began');
    if (name === 'migrate') process.exit(0);
    appendFileSync(${JSON.stringify(join(dir, 'env-'))} + name + '.json', JSON.stringify(process.env));
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      note([request.method, request.url, request.headers.authorization, body].join(' '));
      response.writeHead(201).end('{}');
    });
    const port = Number(name === 'sandbox' ? process.env.TWILIO_SIM_PORT : process.env.PORT);
    server.listen(port, process.env.HOST ?? '127.0.0.1', () => process.send({ type: 'ready' }));
    const stubborn = process.env.STAND_IN_STUBBORN === name;
    process.on('SIGTERM', () => stubborn || (note('ended'), process.exit(0)));
    process.on('SIGINT', () => note('interrupted'));
    process.on('disconnect', () => stubborn || (note('orphaned'), process.exit(0)));`;
  for (const name of ['gateway', 'worker', 'sandbox', 'migrate']) {
    const folder = join(dir, 'dist', 'apps', name, 'src');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'main.js'), program);
  }
}

async function freePorts(): Promise<Project['ports']> {
  const ports = new Set<string>();
  while (ports.size < PORTS.length) ports.add(String(await freePort()));
  return Object.fromEntries([...ports].map((port, index) => [PORTS[index], port])) as Project['ports'];
}

async function read(file: string, fallback: string): Promise<string> {
  return await readFile(file, 'utf8').catch(() => fallback);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}
