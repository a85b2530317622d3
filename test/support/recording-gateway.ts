import type { InboundMessageReceived, WakeUp } from '#core';
import { createPool, PostgresAcceptor, type Pool } from '#persistence';
import { inboundMessage, type TestDatabase } from './accepting.js';

const pools: Pool[] = [];

/** Closes the connections of all gateways that were started so far. */
export async function endGateways(): Promise<void> {
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
}

/** A gateway of its own memory, and what it does at storage. */
export interface RecordingGateway {
  accept: PostgresAcceptor['accept'];
  /** The names of the statements that committed its batches. */
  statements: string[];
  woken: WakeUp[];
}

/** Some of its statements fail while asked to. */
export function startGateway(
  of: TestDatabase,
  fails: (statement: string) => boolean = () => false,
): RecordingGateway {
  const statements: string[] = [];
  const woken: WakeUp[] = [];
  const open = (maxConnections: number) => {
    const pool = createPool({ databaseUrl: of.url, name: 'test', maxConnections });
    pools.push(pool);
    return pool;
  };
  const pool = open(2);
  const recording = new Proxy(pool, {
    get: (target, name) => {
      if (name !== 'query') return Reflect.get(target, name) as unknown;
      return (config: { name: string }) => {
        statements.push(config.name);
        if (fails(config.name)) return Promise.reject(new Error('The connection broke.'));
        return target.query(config as never);
      };
    },
  });
  const acceptor = new PostgresAcceptor({
    pool: recording,
    apartPool: open(4),
    wakeUps: { wake: (list) => void woken.push(...list) },
    readyMs: 3_000,
    closeGraceMs: 5_000,
  });
  return { accept: (events) => acceptor.accept(events), statements, woken };
}

/** Two texts: where the first one's thread is made in a way that is not remembered, the second finds it. */
export async function introduce(
  gateway: RecordingGateway,
  changes: Partial<InboundMessageReceived>,
): Promise<void> {
  for (const text of ['first', 'second']) await gateway.accept([inboundMessage({ ...changes, text })]);
}

export const aliases = (...values: string[]) => values.map((value) => ({ channel: 'sms' as const, value }));

/** Whom and where a customer's last text counts for: what any gateway must make of it. */
export async function lastOf(of: TestDatabase, text: string): Promise<Record<string, unknown> | undefined> {
  const { rows } = await of.pool.query<Record<string, unknown>>(
    `select b.address, c.name, t.customer_address,
       (select array_agg(a.value order by a.value) from customer_aliases a where a.customer_id = c.id) as aliases
     from messages m join threads t on t.id = m.thread_id join customers c on c.id = t.customer_id
     join business_numbers b on b.id = t.number_id
     where m.content->>'text' = $1`,
    [text],
  );
  return rows[0];
}
