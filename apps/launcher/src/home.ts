import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LauncherError } from './failure.js';

/** What the simulated providers and our processes know each other by. */
export interface SandboxCredentials {
  twilioAccountSid: string;
  twilioAuthToken: string;
  chatGatewayApiKey: string;
  chatGatewayTenantId: string;
  chatGatewayCustomerId: string;
}

/**
 * Makes the directory for data, keys and logs. Closed to others, but as root it must let the user that runs
 * Postgres pass. What root makes in someone's project belongs to that person.
 */
export async function makeHome(home: string): Promise<void> {
  const asRoot = process.getuid?.() === 0;
  try {
    const made = await mkdir(home, { recursive: true, mode: 0o700 });
    if (made) await giveToOwnerOf(dirname(made), home);
    if (asRoot && (await stat(home)).uid === 0) await chmod(home, 0o711);
    const logs = join(home, 'logs');
    if (await mkdir(logs, { recursive: true, mode: 0o700 })) await giveToOwnerOf(home, logs);
  } catch (error) {
    throw new LauncherError(
      `${home} cannot be written (${(error as NodeJS.ErrnoException).code}): make it writable, or set CAUSEWAY_HOME.`,
      { cause: error },
    );
  }
}

/** The operator key kept in `home`, or a new one, which {@link writeAdminApiKey} keeps. */
export async function readAdminApiKey(home: string): Promise<{ key: string; isNew: boolean }> {
  const kept = (await readFile(join(home, 'admin-api-key'), 'utf8').catch(() => '')).trim();
  if (kept.length >= 16) return { key: kept, isNew: false };
  return { key: randomBytes(24).toString('base64url'), isNew: true };
}

/** Keeps a new key, just before it is shown: a start that failed half-way would have shown it to nobody. */
export async function writeAdminApiKey(home: string, key: string): Promise<void> {
  await writePrivate(join(home, 'admin-api-key'), `${key}\n`);
}

/** The secret in `home` that posts to bots and other hooks are signed with, made where there is none. */
export async function keepHookSecret(home: string): Promise<string> {
  const file = join(home, 'hook-signing-secret');
  const kept = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (kept !== '') return kept;
  const made = `whsec_${randomBytes(32).toString('base64')}`;
  await writePrivate(file, `${made}\n`);
  return made;
}

/** The simulated providers' credentials: random, so that nothing written for the sandbox works anywhere else. */
export async function keepSandboxCredentials(home: string): Promise<SandboxCredentials> {
  const file = join(home, 'sandbox.json');
  const made: SandboxCredentials = {
    twilioAccountSid: `AC${randomBytes(16).toString('hex')}`,
    twilioAuthToken: randomBytes(16).toString('hex'),
    chatGatewayApiKey: randomBytes(24).toString('base64url'),
    chatGatewayTenantId: `sandbox-${randomBytes(4).toString('hex')}`,
    chatGatewayCustomerId: `customer-${randomBytes(4).toString('hex')}`,
  };
  const kept = parse(await readFile(file, 'utf8').catch(() => ''));
  if (Object.keys(made).every((name) => typeof kept[name] === 'string'))
    return kept as unknown as SandboxCredentials;
  await writePrivate(file, `${JSON.stringify(made, undefined, 2)}\n`);
  return made;
}

/** Replaces a file of ours as a whole (0600): a reader never sees half of it. */
export async function writePrivate(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}.tmp`;
  await writeFile(draft, text, { mode: 0o600 });
  await giveToOwnerOf(dirname(file), draft);
  await rename(draft, file);
}

async function giveToOwnerOf(folder: string, path: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(folder);
  await chown(path, uid, gid);
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
