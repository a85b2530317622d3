import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedPostgresError, processState, startEmbeddedPostgres, type EmbeddedPostgres } from '#platform';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  findBinaries,
  prepareBinaries,
  programPath,
} from '../../libs/platform/src/embedded-postgres/binaries.js';
import { runProgram } from '../../libs/platform/src/embedded-postgres/run-as.js';
import { unprivilegedUser } from '../../libs/platform/src/embedded-postgres/system-user.js';

const isRoot = process.getuid?.() === 0;

describe(startEmbeddedPostgres.name, { timeout: 120_000 }, () => {
  let root: string;
  let dir: string;
  let servers: EmbeddedPostgres[];
  let children: ChildProcess[];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'causeway-pg-'));
    await chmod(root, 0o711);
    dir = join(root, '.causeway', 'postgres');
    servers = [];
    children = [];
  });

  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    for (const server of servers) await server.stop(0);
    await rm(root, { recursive: true, force: true });
  });

  async function start(
    options: Partial<Parameters<typeof startEmbeddedPostgres>[0]> = {},
  ): Promise<EmbeddedPostgres> {
    const server = await startEmbeddedPostgres({ dir, fallbackRoot: join(root, 'var'), ...options });
    servers.push(server);
    return server;
  }

  /** A Node process of its own that starts the same cluster and then waits; resolves when it says so, or at once. */
  async function startInChild(waitForReady = true): Promise<ChildProcess> {
    const module = resolve(import.meta.dirname, '../../libs/platform/src/embedded-postgres/start.ts');
    const script = `
      import { registerHooks } from 'node:module';
      registerHooks({ resolve: (name, context, next) => {
        try { return next(name, context); } catch { return next(name.replace(/\\.js$/, '.ts'), context); }
      } });
      process.on('SIGINT', () => console.log('interrupted'));
      const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
      const server = await startEmbeddedPostgres({ dir: ${JSON.stringify(dir)} });
      console.log('ready', server.pid);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    if (waitForReady) await once(child.stdout, 'data');
    return child;
  }

  describe('the cluster', () => {
    it('keeps its data, its password and its port over a restart', async () => {
      const first = await start();
      await query(first.url, 'create table notes (text text)');
      await query(first.url, "insert into notes values ('kept')");
      await first.stop();
      const second = await start();
      expect(await query(second.url, 'select text from notes')).toEqual([{ text: 'kept' }]);
      expect(second).toMatchObject({ url: first.url, port: first.port, adopted: false });
      expect(new URL(second.url).pathname).toBe('/causeway');
    });

    it('takes another port while a stranger holds the old one', async () => {
      const first = await start();
      await first.stop();
      const stranger = await listen(first.port);
      const second = await start();
      stranger.close();
      expect(second.port).not.toBe(first.port);
      expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    });

    it('is private: directory 0700, password 0600, loopback only, nobody in without the password', async () => {
      const server = await start();
      expect((await stat(dir)).mode & 0o777).toBe(0o700);
      expect((await stat(join(dir, 'password'))).mode & 0o777).toBe(0o600);
      expect(await query(server.url, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
      expect(await query(server.url, 'show unix_socket_directories')).toEqual([
        { unix_socket_directories: '' },
      ]);
      const wrong = server.url.replace(/:[^:@]+@/, ':wrong@');
      await expect(query(wrong, 'select 1')).rejects.toThrow('password authentication failed');
    });

    it('commits durably and has room for all processes, whatever the caller has in PG variables', async () => {
      process.env['PGOPTIONS'] = '-c synchronous_commit=off';
      const server = await start().finally(() => delete process.env['PGOPTIONS']);
      const [settings] = await query(
        server.url,
        "select current_setting('synchronous_commit') as sync, current_setting('fsync') as fsync, current_setting('max_connections') as connections",
      );
      expect(settings).toEqual({ sync: 'on', fsync: 'on', connections: '200' });
    });

    it('writes neither statements nor values into its log', async () => {
      const server = await start();
      await query(server.url, 'create table canaries (id text primary key)');
      await query(server.url, "insert into canaries values ('+15550123')");
      await expect(query(server.url, "insert into canaries values ('+15550123')")).rejects.toThrow(
        'duplicate key',
      );
      const log = await readFile(server.logFile, 'utf8');
      expect(log).toContain('duplicate key');
      expect(log).not.toContain('+15550123');
    });

    it('serves two starts at once with one server', async () => {
      const [one, two] = await Promise.all([start(), start()]);
      expect(one.pid).toBe(two.pid);
    });
  });

  describe('trap 1: library links that the install script did not make', () => {
    it('are recreated from pg-symlinks.json', async () => {
      const installed = await findBinaries();
      const native = join(root, 'package', 'native');
      const links = JSON.parse(await readFile(join(installed.native, 'pg-symlinks.json'), 'utf8')) as {
        target: string;
      }[];
      const missing = new Set(links.map(({ target }) => join(installed.native, '..', target)));
      await cp(installed.native, native, { recursive: true, filter: (path) => !missing.has(path) });
      const binaries = { native, version: installed.version };
      const version = () =>
        runProgram(
          programPath(binaries, 'postgres'),
          ['--version'],
          { cwd: '/', timeoutMs: 10_000 },
          undefined,
        );
      expect((await version()).output).toContain('cannot open shared object file');
      expect((await start({ binaries })).adopted).toBe(false);
      expect((await version()).output).toContain('PostgreSQL');
    });
  });

  describe.runIf(isRoot)('trap 2: root', () => {
    it('lets another user run Postgres', async () => {
      const server = await start();
      const user = unprivilegedUser(root);
      expect((await stat(`/proc/${server.pid}`)).uid).toBe(user?.uid);
      expect((await stat(server.dataDir)).uid).toBe(user?.uid);
    });

    it('puts data and programs within reach when that user cannot enter the project', async () => {
      const installed = await findBinaries();
      const closed = join(root, 'closed');
      await mkdir(closed, { mode: 0o700 });
      await cp(installed.native, join(closed, 'native'), { recursive: true, verbatimSymlinks: true });
      dir = join(closed, '.causeway', 'postgres');
      const options = { binaries: { native: join(closed, 'native'), version: installed.version } };
      const server = await start(options);
      expect(server.dataDir.startsWith(join(root, 'var'))).toBe(true);
      expect(await readFile(join(dir, 'moved-to.txt'), 'utf8')).toBe(`${resolve(server.dataDir, '..')}\n`);
      await query(server.url, 'create table kept ()');
      await server.stop();
      const again = await start(options);
      expect(again.dataDir).toBe(server.dataDir);
      expect(await query(again.url, 'select * from kept')).toEqual([]);
    });

    it('says in one sentence that no place can be reached', async () => {
      await chmod(root, 0o700);
      const failure = await start().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(EmbeddedPostgresError);
      expect((failure as Error).message).toMatch(
        /^Postgres does not run as root, and the user "nobody" can enter neither/,
      );
    });

    it('makes a readable copy of programs installed under a strict umask', async () => {
      const installed = await findBinaries();
      const native = join(root, 'package', 'native');
      await cp(installed.native, native, { recursive: true, verbatimSymlinks: true });
      await chmod(join(native, 'lib'), 0o700);
      await mkdir(join(root, 'place'), { mode: 0o755 });
      const copy = await prepareBinaries(
        { native, version: '0' },
        join(root, 'place'),
        unprivilegedUser(root),
      );
      expect(copy.native).toBe(join(root, 'place', 'native-0'));
    });
  });

  describe('trap 3: a program that cannot be started', () => {
    it('is an answer, not a crash', async () => {
      const { ended } = await runProgram(join(root, 'absent'), [], { cwd: root, timeoutMs: 1000 }, undefined);
      expect(ended).toEqual({ kind: 'not-started', reason: expect.stringContaining('ENOENT') as string });
    });

    it('fails the start with one sentence', async () => {
      const installed = await findBinaries();
      const native = join(root, 'broken', 'native');
      await mkdir(join(native, 'bin'), { recursive: true });
      await mkdir(join(native, 'lib'));
      await mkdir(join(native, 'share'));
      for (const name of ['initdb', 'postgres'])
        await writeFile(join(native, 'bin', name), 'no program', { mode: 0o644 });
      const failure = await start({ binaries: { native, version: installed.version } }).catch(
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(EmbeddedPostgresError);
      expect((failure as Error).message).toContain('EACCES');
    });
  });

  describe('trap 4: what a killed start leaves', () => {
    it('adopts the Postgres that survived kill -9 of Node', async () => {
      const child = await startInChild();
      child.kill('SIGKILL');
      await once(child, 'exit');
      const server = await start();
      expect(server.adopted).toBe(true);
      expect((await processState(server.pid)).state).toBe('alive');
      await server.stop();
      expect((await processState(server.pid)).state).not.toBe('alive');
      await server.exited;
    });

    it('starts anew after Postgres itself was killed', async () => {
      const first = await start();
      await query(first.url, "create table notes as select 'kept' as text");
      process.kill(first.pid, 'SIGKILL');
      await first.exited;
      const second = await start();
      expect(second.adopted).toBe(false);
      expect(await query(second.url, 'select text from notes')).toEqual([{ text: 'kept' }]);
    });

    it('removes a postmaster.pid whose number belongs to a zombie', async () => {
      await (await start()).stop();
      const parent = spawn('sh', ['-c', 'sleep 0.5 & echo $!; exec sleep 60']);
      children.push(parent);
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const zombie = Number(line.toString());
      await expect.poll(async () => (await processState(zombie)).state, { timeout: 10_000 }).toBe('zombie');
      await leavePidFile(dir, zombie);
      expect((await start()).adopted).toBe(false);
    });

    it('removes a postmaster.pid whose number belongs to another program now', async () => {
      await (await start()).stop();
      const stranger = spawn('sleep', ['60']);
      children.push(stranger);
      await leavePidFile(dir, stranger.pid ?? 0);
      expect((await start({ answerTimeoutMs: 500 })).adopted).toBe(false);
      expect((await processState(stranger.pid ?? 0)).state).toBe('alive');
    });

    it('ends one that lives and does not answer', async () => {
      const first = await start();
      process.kill(first.pid, 'SIGSTOP');
      const second = await start({ answerTimeoutMs: 500 });
      expect(second.pid).not.toBe(first.pid);
      expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    });
  });

  describe('trap 5: an interrupted initdb', () => {
    it('is wiped and done again', async () => {
      const child = await startInChild(false);
      const partial = async () =>
        (await readdir(dir).catch(() => [])).find((name) => name.startsWith('data.partial-'));
      let left: string | undefined;
      while (!left) left = await partial();
      while ((await readdir(join(dir, left)).catch(() => [])).length < 5) await delay(2);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const server = await start();
      expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
      await server.stop();
      await rm(server.dataDir, { recursive: true });
      await start();
      expect(await partial()).toBeUndefined();
    });

    it('moves a data directory aside that holds no cluster', async () => {
      await mkdir(join(dir, 'data'), { recursive: true });
      await writeFile(join(dir, 'data', 'something'), '');
      if (isRoot) await chmod(join(root, '.causeway'), 0o711);
      await start();
      const aside = (await readdir(dir)).find((name) => name.startsWith('data.unusable-'));
      expect(await readdir(join(dir, aside ?? ''))).toEqual(['something']);
    });
  });

  describe('trap 6: Ctrl-C', () => {
    it('reaches the whole process group and not Postgres', async () => {
      const child = await startInChild();
      process.kill(-(child.pid ?? 0), 'SIGINT');
      await once(child.stdout ?? child, 'data');
      const server = await start();
      expect(server.adopted).toBe(true);
    });

    it('stop() ends it, immediately when a session keeps the fast way from ending', async () => {
      const server = await start();
      const client = new pg.Client({ connectionString: server.url });
      client.on('error', () => undefined);
      await client.connect();
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const session = rows[0]?.pid ?? 0;
      process.kill(session, 'SIGSTOP');
      await server.stop(300);
      expect((await processState(server.pid)).state).toBe('gone');
      await expect.poll(async () => (await processState(session)).state, { timeout: 5000 }).not.toBe('alive');
    });
  });
});

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Such as an earlier server would have left, with the number of a process that is not it. */
async function leavePidFile(dir: string, pid: number): Promise<void> {
  const data = join(dir, 'data');
  const lines = [pid, data, 1_700_000_000, 5432, '', '127.0.0.1', '  1 2', 'ready   '];
  await writeFile(join(data, 'postmaster.pid'), `${lines.join('\n')}\n`);
}
