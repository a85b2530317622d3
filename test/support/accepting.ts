import { createHash, randomUUID } from 'node:crypto';
import type {
  DeskEventReceived,
  InboundMessageReceived,
  ReceiptReceived,
  Signals,
  WakeUp,
  WakeUps,
} from '#core';
import { createPool, migrateDatabase, PostgresAcceptor, type Pool, type Queryable } from '#persistence';
import { KnownThreads } from '../../libs/persistence/src/accept/known-threads.js';
import { acceptMessages } from '../../libs/persistence/src/accept/messages.js';
import { startTestPostgres, type TestPostgres } from './postgres.js';

/** A migrated database of its own, with the pools a gateway has. */
export interface TestDatabase {
  url: string;
  pool: Pool;
  apartPool: Pool;
  /** The gateway of tests that need only one. */
  gateway: PostgresAcceptor;
  /** Another gateway's acceptor over the same database. */
  acceptor(changes?: { closeGraceMs?: number; readyMs?: number; signals?: Signals }): PostgresAcceptor;
  /** A pool of one connection: another session, to hold a lock with. */
  session(): Pool;
  wakeUps: WakeUp[];
  /** How many receipts named nothing of ours. */
  unmatched: { count: number };
  stop(): Promise<void>;
}

export async function startTestDatabase(): Promise<TestDatabase> {
  const server: TestPostgres = await startTestPostgres();
  const url = await server.createDatabase();
  await migrateDatabase(url);
  const pools: Pool[] = [];
  const open = (maxConnections: number) => {
    const pool = createPool({ databaseUrl: url, name: 'test', maxConnections });
    pools.push(pool);
    return pool;
  };
  const woken: WakeUp[] = [];
  const wakeUps: WakeUps = { wake: (list) => void woken.push(...list) };
  const unmatched = { count: 0 };
  const acceptor: TestDatabase['acceptor'] = (changes = {}) =>
    new PostgresAcceptor({
      pool: open(2),
      apartPool: open(4),
      wakeUps,
      readyMs: 3_000,
      closeGraceMs: 5_000,
      onUnmatchedReceipts: (count) => (unmatched.count += count),
      ...changes,
    });
  return {
    url,
    pool: open(8),
    apartPool: open(4),
    wakeUps: woken,
    unmatched,
    session: () => open(1),
    gateway: acceptor(),
    acceptor,
    stop: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
      await server.stop();
    },
  };
}

let counter = 0;

/** A customer's address that no other test of this file uses: tests share tables, never rows. */
export function newAddress(): string {
  counter += 1;
  return `+1556${String(counter).padStart(7, '0')}`;
}

/** A conversation id of the desk that no other test of this file uses. */
export function newDeskId(): string {
  counter += 1;
  return `desk-${counter}`;
}

export function inboundMessage(
  changes: Partial<InboundMessageReceived> & { text?: string } = {},
): InboundMessageReceived {
  counter += 1;
  const { text = `text ${counter}`, ...rest } = changes;
  const from = rest.from ?? '+15550001000';
  const sid = rest.providerMessageId ?? `SM${String(counter).padStart(32, '0')}`;
  const channel = from.startsWith('whatsapp:') ? 'whatsapp' : 'sms';
  return {
    kind: 'inbound-message',
    tenantId: 'default',
    dedupeKey: `twilio:message:AC1:${sid}`,
    providerMessageId: sid,
    channel,
    account: 'AC1',
    to: channel === 'whatsapp' ? 'whatsapp:+15550100' : '+15550100',
    from,
    aliases: [{ channel, value: from.replace('whatsapp:', '') }],
    content: { type: 'text', text },
    raw: { Body: text },
    ...rest,
  };
}

export function deskEvent(changes: Partial<DeskEventReceived> = {}): DeskEventReceived {
  counter += 1;
  const raw = changes.raw ?? JSON.stringify({ eventType: changes.type ?? 'X', n: counter });
  return {
    kind: 'desk-event',
    tenantId: 'default',
    eventId: randomUUID(),
    bodyDigest: createHash('sha256').update(raw).digest('hex'),
    deskConversationId: 'desk-1',
    type: 'MESSAGE',
    occurredAt: 1_000 + counter,
    facts: {},
    raw,
    ...changes,
  };
}

export function agentMessage(text: string, changes: Partial<DeskEventReceived> = {}): DeskEventReceived {
  return deskEvent({
    message: { authorType: 'agent', authorId: 'a1', content: { type: 'text', text } },
    ...changes,
  });
}

export function receipt(changes: Partial<ReceiptReceived> = {}): ReceiptReceived {
  counter += 1;
  return {
    kind: 'receipt',
    tenantId: 'default',
    dedupeKey: `twilio:status:${counter}`,
    providerMessageId: 'SM1',
    status: 'sent',
    ...changes,
  };
}

export async function makeNumber(
  pool: Pool,
  changes: { address?: string; service?: string; channel?: 'sms' | 'whatsapp'; configured?: boolean } = {},
): Promise<string> {
  const configured = changes.configured ?? true;
  const { rows } = await pool.query<{ id: string }>(
    `insert into business_numbers (id, tenant_id, channel, account_sid, address, messaging_service_sid, state,
       chat_gateway_channel_id, queue_id, configured_at)
     values (new_id(), 'default', $3, 'AC1', $1, $2, $4, $5, '100', now())
     on conflict (tenant_id, account_sid, address) do update set address = excluded.address returning id`,
    [
      changes.address ?? '+15550100',
      changes.service ?? null,
      changes.channel ?? 'sms',
      configured ? 'configured' : 'unconfigured',
      configured ? 'channel-1' : null,
    ],
  );
  return rows[0]?.id ?? '';
}

/** One stored message, as tests look at it. */
export interface StoredMessage {
  id: string;
  lane_id: string;
  thread_id: string;
  conversation_id: string | null;
  direction: 'inbound' | 'outbound';
  seq: number;
  text: string;
  delivery: string;
  reason: string | null;
  provider_code: string | null;
  receipt: string | null;
  possible_duplicate: boolean;
  out_of_order: boolean;
  author_type: string;
}

/** Everything stored for the customer with this alias, by direction and seq. */
export async function messagesOf(pool: Pool, alias: string): Promise<StoredMessage[]> {
  const { rows } = await pool.query<StoredMessage & { content: { text?: string; type: string } }>(
    `select m.* from customer_aliases a join threads t on t.customer_id = a.customer_id
     join messages m on m.thread_id = t.id where a.value = $1 order by m.direction, m.seq`,
    [alias],
  );
  return rows.map((row) => ({ ...row, text: row.content.text ?? `(${row.content.type})` }));
}

/** Their texts in one direction, by seq. */
export async function textsOf(
  pool: Pool,
  alias: string,
  direction: 'inbound' | 'outbound' = 'inbound',
): Promise<string[]> {
  const all = await messagesOf(pool, alias);
  return all.filter((message) => message.direction === direction).map(({ text }) => text);
}

/** One of a list, in turn. */
export function inTurn<T>(list: readonly T[], n: number): T {
  const one = list[n % list.length];
  if (one === undefined) throw new Error('The list is empty.');
  return one;
}

/** Polls until `check` answers something, or fails with `what` after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 15_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await check();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > deadline) throw new Error(`It did not happen in time: ${what}`);
    await sleep(20);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A transaction of another session; what it holds, others wait for until it commits. */
export async function transaction(
  db: TestDatabase,
): Promise<{ client: Queryable; commit: () => Promise<void> }> {
  const client = await db.session().connect();
  await client.query('begin');
  return {
    client,
    commit: async () => {
      await client.query('commit');
      client.release();
    },
  };
}

/** Messages accepted in a transaction that is still open, as another gateway's batch. */
export async function acceptUncommitted(client: Queryable, events: InboundMessageReceived[]): Promise<void> {
  await acceptMessages(
    client,
    events.map((event) => ({ lane: event.from, event })),
    new KnownThreads(),
  );
}

/** Whether a session waits for a lock in a statement like this one. */
export async function waitsForLock(db: TestDatabase, statement: string): Promise<boolean> {
  const { rowCount } = await db.pool.query(
    `select 1 from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and query like $1`,
    [statement],
  );
  return rowCount !== null && rowCount > 0;
}
