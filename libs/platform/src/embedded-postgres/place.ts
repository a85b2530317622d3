import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { EmbeddedPostgresError } from './errors.js';
import { canEnter, giveTo, unprivilegedUser, type SystemUser } from './system-user.js';

/** Where a cluster lives and who runs it (`user` is undefined when we run it as ourselves). */
export interface Place {
  dir: string;
  user: SystemUser | undefined;
}

/**
 * Makes the private directory (0700) that holds the cluster. As root it belongs to an unprivileged user; when that
 * user cannot enter `wanted` (a project under `/root`, say), the cluster goes to a folder below `fallbackRoot`
 * named after `wanted`, and a file `moved-to.txt` in `wanted` tells where.
 *
 * @throws EmbeddedPostgresError with one sentence when no such place can be made
 */
export async function preparePlace(wanted: string, fallbackRoot: string): Promise<Place> {
  const user = unprivilegedUser(wanted);
  const parent = dirname(resolve(wanted));
  try {
    // Root's own folders stay closed to reading but must let the other user pass.
    await mkdir(parent, { recursive: true, mode: user ? 0o711 : 0o700 });
    const dir = resolve(await realpath(parent), resolve(wanted).slice(parent.length + 1));
    const moved = await movedTo(dir);
    if (moved) return { dir: await makePrivate(moved, user), user };
    if (canEnter(parent, user)) return { dir: await makePrivate(dir, user), user };
    await refuseLeavingData(dir, user);
    const elsewhere = await makeElsewhere(dir, fallbackRoot, user);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await writeFile(join(elsewhere, 'home.txt'), `${dir}\n`);
    await writeFile(join(dir, 'moved-to.txt'), `${elsewhere}\n`);
    return { dir: elsewhere, user };
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(
      `Postgres cannot keep its data in ${wanted} (${(error as Error).message}): make it writable, or set DATABASE_URL.`,
      { cause: error },
    );
  }
}

/**
 * Where an earlier start put the cluster of `dir`. A project that was moved takes its data along; one that was
 * copied does not share the original's, whose folder is still there.
 */
async function movedTo(dir: string): Promise<string | undefined> {
  const elsewhere = await firstLine(join(dir, 'moved-to.txt'));
  const home = elsewhere && (await firstLine(join(elsewhere, 'home.txt')));
  if (!elsewhere || !home) return undefined;
  if (home !== dir) {
    if (await exists(join(home, 'moved-to.txt'))) return undefined;
    await writeFile(join(elsewhere, 'home.txt'), `${dir}\n`);
  }
  return elsewhere;
}

/** Starting afresh elsewhere beside data that became unreachable would look like losing it. */
async function refuseLeavingData(dir: string, user: SystemUser | undefined): Promise<void> {
  if (!(await exists(join(dir, 'data', 'PG_VERSION')))) return;
  throw new EmbeddedPostgresError(
    `The user "${user?.name}" that runs Postgres cannot enter ${dir} any more: open its parent folders (chmod o+x), or set DATABASE_URL.`,
  );
}

async function firstLine(file: string): Promise<string | undefined> {
  return (await readFile(file, 'utf8').catch(() => undefined))?.split('\n')[0];
}

async function exists(file: string): Promise<boolean> {
  return (await firstLine(file)) !== undefined;
}

async function makeElsewhere(dir: string, root: string, user: SystemUser | undefined): Promise<string> {
  const name = createHash('sha256').update(dir).digest('hex').slice(0, 12);
  await mkdir(root, { recursive: true, mode: 0o755 }).catch(() => undefined);
  const home = await firstLine(join(root, name, 'home.txt'));
  // A project that was moved away still uses the folder named after its old place.
  const elsewhere = join(root, home === undefined || home === dir ? name : `${name}-${Date.now()}`);
  if (canEnter(root, user)) return await makePrivate(elsewhere, user);
  throw new EmbeddedPostgresError(
    `Postgres does not run as root, and the user "${user?.name}" can enter neither ${dir} nor ${root}: ` +
      'move the project to a folder others may enter, run it as an ordinary user, or set DATABASE_URL.',
  );
}

async function makePrivate(dir: string, user: SystemUser | undefined): Promise<string> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  await giveTo(user, dir);
  return dir;
}
