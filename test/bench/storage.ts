import pg from 'pg';
import { startTestPostgres } from '../support/postgres.js';
import { redisMissing, startTestRedis } from '../support/redis.js';
import { ACCOUNT_SID } from './hmac.js';
import { BUSINESS_NUMBER } from './requests.js';
import { migrate, type Backends } from './servers.js';

/** Postgres, and Redis where it is installed, for one run. */
export interface Storage extends Backends {
  /** What the run stands on, for people. */
  description: string;
  /** Takes all jobs away: nobody works them off here, and the gateway stops waking above 10,000 of them. */
  emptyQueues(): Promise<void>;
  /** Every conversation that was created has an agent, and what waits for it may go. */
  activateConversations(): Promise<void>;
  /** How the gateway's tables disagree with what it has accepted; empty when each message is there exactly once. */
  differences(accepted: string[]): Promise<string[]>;
  stop(): Promise<void>;
}

export async function startStorage(): Promise<Storage> {
  const postgres = await startTestPostgres({ durable: true });
  const redis = redisMissing() === undefined ? await startTestRedis() : undefined;
  const gatewayDatabaseUrl = await postgres.createDatabase();
  const referenceDatabaseUrl = await postgres.createDatabase();
  const redisUrl = redis?.url;
  await migrate(gatewayDatabaseUrl, redisUrl);
  // BullMQ's own schema is all the reference needs of it.
  if (redisUrl === undefined) await migrate(referenceDatabaseUrl, redisUrl);
  await run(referenceDatabaseUrl, REFERENCE_TABLE);
  await run(gatewayDatabaseUrl, CONFIGURED_NUMBER, [ACCOUNT_SID, BUSINESS_NUMBER]);
  const emptyPostgres = (url: string) => run(url, 'truncate bullmq.job');
  return {
    gatewayDatabaseUrl,
    referenceDatabaseUrl,
    redisUrl,
    description: `${await version(postgres.url)}, BullMQ on ${redis ? 'Redis' : 'Postgres'}`,
    emptyQueues: async () => {
      if (redis) await redis.flush();
      else await Promise.all([gatewayDatabaseUrl, referenceDatabaseUrl].map(emptyPostgres));
    },
    activateConversations: async () => {
      await run(gatewayDatabaseUrl, `update conversations set state = 'active' where state = 'opening'`);
      await run(
        gatewayDatabaseUrl,
        `update lanes set not_before = null, waiting_for = null where waiting_for = 'opening'`,
      );
    },
    differences: (accepted) => differences(gatewayDatabaseUrl, accepted),
    stop: async () => {
      await redis?.stop();
      await postgres.stop();
    },
  };
}

const REFERENCE_TABLE = `create table reference_messages
  (sid text primary key, sender text not null, address text not null, raw json not null,
   sent_at timestamptz)`;

const CONFIGURED_NUMBER = `insert into business_numbers
    (id, tenant_id, channel, account_sid, address, state, chat_gateway_channel_id, configured_at)
  values (gen_random_uuid(), 'default', 'sms', $1, $2, 'configured', 'benchmark', now())`;

async function version(url: string): Promise<string> {
  const [row] = await run(
    url,
    `select current_setting('server_version') as version, current_setting('fsync') as fsync`,
  );
  // Without flushing a commit costs the reference, which makes one per request, less than it would in production.
  return `Postgres ${String(row?.['version'])}${row?.['fsync'] === 'off' ? ' (commits not flushed to disk)' : ''}`;
}

async function differences(url: string, accepted: string[]): Promise<string[]> {
  const rows = await run(
    url,
    'select provider_message_id as sid, count(*)::int as times from messages group by 1',
  );
  const stored = new Map(rows.map((row) => [String(row['sid']), Number(row['times'])]));
  const lost = accepted.filter((sid) => !stored.has(sid)).length;
  const doubled = [...stored.values()].filter((times) => times > 1).length;
  const strange = stored.size - (accepted.length - lost);
  const [gaps] = await run(
    url,
    `select count(*)::int as lanes from lanes l where direction = 'inbound' and next_seq <>
       (select count(distinct m.seq) from messages m where m.lane_id = l.id)`,
  );
  return [
    ...(lost > 0 ? [`${lost} accepted messages are lost`] : []),
    ...(doubled > 0 ? [`${doubled} messages are stored more than once`] : []),
    ...(strange > 0 ? [`${strange} messages are stored that were never accepted`] : []),
    ...(gaps?.['lanes'] === 0 ? [] : [`${String(gaps?.['lanes'])} lanes have gaps`]),
  ];
}

async function run(url: string, sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
