import { WEBHOOK_PATH } from '#desk-chat-gateway';
import { isStorageAway, type BusinessNumber, type OperatorInstallation } from '#persistence';
import { DEFAULT_TENANT, unsuitability, type ProviderHttp, type Unsuitability } from '#platform';
import { askEvictionPolicy } from '#queueing';
import { check, fail, ok, skipped, warn, type Check, type Within } from './check.js';

/** Shared with `npm run migrate`. */
const MIGRATE = 'Run npm run migrate with the same DATABASE_URL and REDIS_URL, then look again.';

/** Postgres, its migrations, the workers and pauses that it tells of. */
export async function databaseChecks(installation: OperatorInstallation): Promise<Check[]> {
  try {
    const { pending, unknown } = await installation.migrations();
    const checks = [check('postgres', 'Postgres', ok('It answers.')), migrationsCheck(pending, unknown)];
    if (pending.length > 0) return checks;
    return [
      ...checks,
      workersCheck(await installation.liveWorkers()),
      ...pauses(await installation.pausedProviders()),
    ];
  } catch (error) {
    if (!isStorageAway(error)) throw error;
    const remedy = 'Bring it back, or set DATABASE_URL to where it is. Until then webhooks are answered 503.';
    return [
      check('postgres', 'Postgres', fail('It cannot be reached.', remedy)),
      check('migrations', 'Migrations', skipped('Postgres has to answer first.')),
      check('workers', 'Workers', skipped('Postgres has to answer first.')),
    ];
  }
}

function migrationsCheck(pending: string[], unknown: string[]): Check {
  if (pending.length > 0) {
    const finding = `${pending.length} of this build have not run: ${pending.join(', ')}.`;
    return check('migrations', 'Migrations', fail(finding, MIGRATE));
  }
  if (unknown.length === 0) return check('migrations', 'Migrations', ok('All of this build have run.'));
  const finding = `The database is newer than this gateway: ${unknown.join(', ')}.`;
  return check('migrations', 'Migrations', warn(finding, 'Replace this gateway by the newer version.'));
}

function workersCheck(live: number): Check {
  if (live > 0) return check('workers', 'Workers', ok(`${live} at work.`));
  const remedy = 'Start one (npm run start:worker): what is accepted waits until then.';
  return check('workers', 'Workers', fail('None has been seen.', remedy));
}

function pauses(paused: { tenantId: string; provider: string; pausedAt: Date }[]): Check[] {
  return paused.map(({ tenantId, provider, pausedAt }) =>
    check(
      'delivery',
      `Delivery to ${provider}${tenantId === DEFAULT_TENANT ? '' : ` of ${tenantId}`}`,
      fail(
        `Paused since ${pausedAt.toISOString()}, because it refuses our credentials.`,
        'Repair the credentials and restart; it goes on by itself, and nothing is lost.',
      ),
    ),
  );
}

export async function queueCheck(redisUrl: string | undefined): Promise<Check> {
  const of = ['queue', 'Queue'] as const;
  if (redisUrl === undefined) {
    return check(...of, ok('BullMQ runs on Postgres; set REDIS_URL for more than a small load.'));
  }
  let policy: string | undefined;
  try {
    policy = await askEvictionPolicy(redisUrl);
  } catch {
    const remedy =
      'Bring Redis back, or set REDIS_URL to where it is. Meanwhile delivery goes on, more slowly.';
    return check(...of, fail('Redis does not answer.', remedy));
  }
  if (policy === 'noeviction') return check(...of, ok('Redis answers and evicts nothing.'));
  const remedy =
    'Set maxmemory-policy to noeviction: with another one a full Redis drops jobs without a word.';
  if (policy !== undefined) return check(...of, fail(`The eviction policy of Redis is ${policy}.`, remedy));
  return check(...of, warn('Redis does not tell its eviction policy.', remedy));
}

const UNSUITABLE: Record<Unsuitability, string> = {
  'not-https': 'does not begin with https://',
  underscore: 'has an underscore in its host name',
  'this-machine': 'is an address of this machine',
  'private-network': 'is an address of a private network',
};

/** What is called at our own address, and where its answer is no news about us. */
export interface OwnAddress {
  name: string;
  variable: 'PUBLIC_BASE_URL' | 'TWILIO_FALLBACK_BASE_URL';
  url: string;
  /** Both providers are simulators on this machine. */
  simulated: boolean;
}

/** @param calledBack whether a provider has just reached it; undefined where none was asked */
export async function addressCheck(
  { name, variable, url, simulated }: OwnAddress,
  http: ProviderHttp,
  within: Within,
  calledBack: Promise<boolean | undefined>,
): Promise<Check> {
  const why = simulated ? undefined : unsuitability(url);
  if (why) {
    const remedy = `Set ${variable} to an address that the providers reach from the internet.`;
    return check(name, variable, fail(`It ${UNSUITABLE[why]}: no provider can call us there.`, remedy));
  }
  const found = await answerAt(url, http, within);
  if (found === 204) return check(name, variable, ok('It leads to a gateway.'));
  const finding =
    typeof found === 'number'
      ? `It answers HTTP ${found} where a gateway answers 204.`
      : `It cannot be reached from here (${found}).`;
  if (await calledBack) {
    return check(
      name,
      variable,
      warn(finding, 'The Chat Gateway reaches it: only this machine does not, which does no harm.'),
    );
  }
  const remedy = `See that ${variable} is right and that the proxy, its certificate and the gateways behind it are up.`;
  return check(name, variable, fail(finding, remedy));
}

/** Calls our own webhook as the Chat Gateway does to see whether it is there. */
async function answerAt(url: string, http: ProviderHttp, within: Within): Promise<number | string> {
  try {
    const { status } = await http.request({
      method: 'POST',
      url: url.replace(/\/+$/, '') + WEBHOOK_PATH,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ eventType: 'WEB_HOOK_VERIFY', notificationVersion: 'Chat Gateway v1.0' }),
      ...within(),
    });
    return status;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'no answer';
  }
}

/** @param waiting how many of those that are not configured have messages that wait */
export function numbersCheck(
  numbers: BusinessNumber[],
  { truncated, waiting }: { truncated: boolean; waiting: number },
): Check {
  const of = ['numbers', 'Numbers'] as const;
  const configured = numbers.filter(({ state }) => state === 'configured').length;
  const idle = numbers.length - configured - waiting;
  const provision = 'causeway provision chat-gateway --number <address> --queue <id> --apply';
  if (configured === 0) {
    const finding =
      waiting > 0
        ? `None is configured; customers have written to ${waiting}, whose messages wait.`
        : 'None is configured.';
    return check(...of, fail(finding, `${provision}, then causeway provision twilio.`));
  }
  if (waiting > 0) {
    const finding = `${configured} configured; customers have written to ${waiting} more, whose messages wait.`;
    return check(...of, warn(finding, `For each of them: ${provision}.`));
  }
  if (truncated) {
    const remedy = 'causeway provision chat-gateway --all, and causeway provision twilio, look at all.';
    return check(...of, warn(`Only the ${configured} newest are looked at.`, remedy));
  }
  return check(...of, ok(idle > 0 ? `${configured} configured, ${idle} not.` : `${configured} configured.`));
}
