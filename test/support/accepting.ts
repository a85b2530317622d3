import { createHash, randomUUID } from 'node:crypto';
import type { DeskEventReceived, InboundMessageReceived, ReceiptReceived, WakeUp, WakeUps } from '#core';
import { createPool, migrateDatabase, PostgresAcceptor, type Pool } from '#persistence';
import { startTestPostgres, type TestPostgres } from './postgres.js';

/** A migrated database of its own, with the pools a gateway has. */
export interface TestDatabase {
  url: string;
  pool: Pool;
  apartPool: Pool;
  /** Another gateway's acceptor over the same database. */
  acceptor(): PostgresAcceptor;
  wakeUps: WakeUp[];
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
  return {
    url,
    pool: open(4),
    apartPool: open(4),
    wakeUps: woken,
    acceptor: () =>
      new PostgresAcceptor({
        pool: open(2),
        apartPool: open(4),
        wakeUps,
        readyMs: 3_000,
        closeGraceMs: 5_000,
      }),
    stop: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
      await server.stop();
    },
  };
}

let counter = 0;

export function inboundMessage(
  changes: Partial<InboundMessageReceived> & { text?: string } = {},
): InboundMessageReceived {
  counter += 1;
  const { text = `text ${counter}`, ...rest } = changes;
  const from = rest.from ?? '+15550001000';
  const sid = rest.providerMessageId ?? `SM${String(counter).padStart(32, '0')}`;
  return {
    kind: 'inbound-message',
    tenantId: 'default',
    dedupeKey: `twilio:message:AC1:${sid}`,
    providerMessageId: sid,
    channel: 'sms',
    account: 'AC1',
    to: '+15550100',
    from,
    aliases: [{ channel: 'sms', value: from }],
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
  changes: { address?: string; service?: string } = {},
): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    `insert into business_numbers (id, tenant_id, channel, account_sid, address, messaging_service_sid, state,
       chat_gateway_channel_id, queue_id, configured_at)
     values (new_id(), 'default', 'sms', 'AC1', $1, $2, 'configured', 'channel-1', '100', now()) returning id`,
    [changes.address ?? '+15550100', changes.service ?? null],
  );
  return rows[0]?.id ?? '';
}
