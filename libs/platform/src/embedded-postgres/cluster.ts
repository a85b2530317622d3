import { randomBytes } from 'node:crypto';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programPath, type Binaries } from './binaries.js';
import { EmbeddedPostgresError, errorCode } from './errors.js';
import type { Place } from './place.js';
import { processState } from './process-state.js';
import { runProgram } from './run-as.js';
import { giveTo } from './system-user.js';

/** The database role and the database of the embedded cluster. */
export const ROLE = 'causeway';
export const DATABASE = 'causeway';

const INITDB_TIMEOUT_MS = 120_000;

/** A cluster on disk. */
export interface Cluster {
  dataDir: string;
  password: string;
}

/**
 * Opens the cluster in `place`, making it first where there is none.
 *
 * initdb refuses a directory it left half done for ever. So it works in a directory of its own that becomes `data`
 * only when it has ended well: the name is the marker. What an interrupted initdb left is wiped, and a finished
 * cluster can never be taken for an unfinished one.
 */
export async function openCluster(place: Place, binaries: Binaries): Promise<Cluster> {
  const dataDir = join(place.dir, 'data');
  const made = await readVersion(dataDir);
  if (made === undefined) {
    await removeUnfinished(place.dir, dataDir);
    const password = await keepPassword(place);
    await initialise(place, binaries, dataDir);
    return { dataDir, password };
  }
  const major = binaries.version.split('.')[0];
  if (made !== major) {
    throw new EmbeddedPostgresError(
      `${dataDir} was made by Postgres ${made} and these programs are Postgres ${major}: ` +
        'move the data with pg_dump, remove the directory, or set DATABASE_URL.',
    );
  }
  return { dataDir, password: await readPassword(place.dir) };
}

/** Directories that this process is making just now. */
const beingMade = new Set<string>();

async function initialise(place: Place, binaries: Binaries, dataDir: string): Promise<void> {
  const partial = `${dataDir}.partial-${process.pid}-${randomBytes(4).toString('hex')}`;
  beingMade.add(partial);
  try {
    await makeCluster(place, binaries, partial, dataDir);
  } finally {
    beingMade.delete(partial);
  }
}

async function makeCluster(
  place: Place,
  binaries: Binaries,
  partial: string,
  dataDir: string,
): Promise<void> {
  const args = [`--pgdata=${partial}`, `--username=${ROLE}`, `--pwfile=${join(place.dir, 'password')}`];
  const auth = ['--auth=scram-sha-256', '--encoding=UTF8'];
  // The operating system's locales may be missing; the built-in one is the same everywhere.
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const initdb = programPath(binaries, 'initdb');
  const { ended, output } = await runProgram(
    initdb,
    [...args, ...auth, ...locale],
    { cwd: place.dir, timeoutMs: INITDB_TIMEOUT_MS },
    place.user,
  );
  if (ended.kind === 'exited' && ended.code === 0) return await publish(partial, dataDir);
  await rm(partial, { recursive: true, force: true }).catch(() => undefined);
  const said =
    output.split('\n').find((line) => line.includes('error')) ?? output.trim().split('\n').at(-1) ?? '';
  const reason =
    ended.kind === 'not-started' ? ended.reason : said || `exit code ${ended.code ?? ended.signal}`;
  throw new EmbeddedPostgresError(
    `Postgres could not make its data directory (${reason}): set DATABASE_URL instead.`,
  );
}

/** Gives the finished cluster its name; of two starts at once the first keeps it. */
async function publish(partial: string, dataDir: string): Promise<void> {
  try {
    await rename(partial, dataDir);
  } catch (error) {
    if ((await readVersion(dataDir)) === undefined) throw error;
    await rm(partial, { recursive: true, force: true });
  }
}

/**
 * Removes what interrupted starts left: their directory names carry the process id of the starter, so one that is
 * still at work beside us is spared. A `data` that is no cluster is moved aside, not deleted: we did not make it.
 */
async function removeUnfinished(dir: string, dataDir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const starter = /^data\.partial-(\d+)-/.exec(name)?.[1];
    if (starter === undefined) continue;
    const pid = Number(starter);
    const atWork =
      pid === process.pid ? beingMade.has(join(dir, name)) : (await processState(pid)).state === 'alive';
    // An initdb that outlived its killed starter may still write there; what resists now goes at the next start.
    if (!atWork) await rm(join(dir, name), { recursive: true, force: true }).catch(() => undefined);
  }
  await rename(dataDir, `${dataDir}.unusable-${Date.now()}`).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error;
  });
}

async function readVersion(dataDir: string): Promise<string | undefined> {
  try {
    return (await readFile(join(dataDir, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new EmbeddedPostgresError(
      `${dataDir} cannot be read (${errorCode(error)}), it was probably made by another user: ` +
        'start as that user, remove the directory, or set DATABASE_URL.',
      { cause: error },
    );
  }
}

/** Makes the password before the cluster and never changes it, so both always belong together. */
async function keepPassword(place: Place): Promise<string> {
  const file = join(place.dir, 'password');
  const draft = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`;
  await writeFile(draft, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  await giveTo(place.user, draft);
  await link(draft, file).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error;
  });
  await rm(draft, { force: true });
  return await readPassword(place.dir);
}

async function readPassword(dir: string): Promise<string> {
  const file = join(dir, 'password');
  const password = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (password) return password;
  throw new EmbeddedPostgresError(
    `${file} is missing, so nobody can log in: restore it, or remove ${dir} and its data.`,
  );
}
