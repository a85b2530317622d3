import { readFileSync, realpathSync, statSync, type Stats } from 'node:fs';
import { chown } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { EmbeddedPostgresError } from './errors.js';

/** A user of this machine that Postgres can run as. */
export interface SystemUser {
  name: string;
  uid: number;
  gid: number;
}

/**
 * Postgres refuses to run as root, so root needs someone else to run it. The owner of the project (or of its
 * nearest existing folder, or of the data already there) comes first: files stay in one hand after `sudo`. Else `nobody`, else any ordinary user.
 *
 * @returns undefined when we are not root and simply run as ourselves
 * @throws EmbeddedPostgresError when the machine knows no user but root
 */
export function unprivilegedUser(dir: string): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readUsers();
  const owner = nearestStat(join(dir, 'data')).uid;
  const chosen =
    users.find((user) => owner !== 0 && user.uid === owner) ??
    users.find((user) => user.name === 'nobody') ??
    users.find((user) => user.uid >= 1000) ??
    users.find((user) => user.uid > 0);
  if (chosen) return chosen;
  throw new EmbeddedPostgresError(
    'Postgres does not run as root and this machine has no other user: add one, or set DATABASE_URL.',
  );
}

/** initdb looks its user up by name, so only users of the password file will do. */
function readUsers(file = '/etc/passwd'): SystemUser[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name = '', , uid = '', gid = '']) => ({
        name,
        uid: Number.parseInt(uid),
        gid: Number.parseInt(gid),
      }))
      .filter((user) => user.name !== '' && user.uid > 0 && user.gid >= 0);
  } catch {
    return [];
  }
}

/** Whether `user` can enter every folder above `path` and read (and where it applies enter or run) `path` itself. */
export function canReach(path: string, user: SystemUser | undefined): boolean {
  if (!user) return true;
  try {
    const target = statSync(path);
    const wanted = target.isDirectory() || (target.mode & 0o111) !== 0 ? 5 : 4;
    if (!allows(target, user, wanted)) return false;
    return canEnter(dirname(realpathSync(path)), user);
  } catch {
    return false;
  }
}

/** Whether `user` can enter `folder` and every folder above it. */
export function canEnter(folder: string, user: SystemUser | undefined): boolean {
  if (!user) return true;
  const path = resolve(folder);
  try {
    return allows(statSync(path), user, 1) && (path === dirname(path) || canEnter(dirname(path), user));
  } catch {
    return false;
  }
}

function allows(stats: Stats, user: SystemUser, bits: number): boolean {
  const shift = stats.uid === user.uid ? 6 : stats.gid === user.gid ? 3 : 0;
  return ((stats.mode >> shift) & bits) === bits;
}

function nearestStat(path: string): Stats {
  const full = resolve(path);
  return statSync(full, { throwIfNoEntry: false }) ?? nearestStat(dirname(full));
}

/** Hands a file of ours over to the user that runs Postgres, so that a later start by that user can use it. */
export async function giveTo(user: SystemUser | undefined, path: string): Promise<void> {
  if (user) await chown(path, user.uid, user.gid);
}
