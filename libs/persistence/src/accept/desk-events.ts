import type { PoolClient } from 'pg';
import { v7 as uuid } from 'uuid';
import { mergeFacts, type AcceptResult, type DeskEventReceived, type Direction, type WakeUp } from '#core';
import { applyState } from '../conversations/state.js';
import { deskKey, forCustomer, type DeskRow } from './desk-row.js';
import { announcedDigest, keyDigest } from './keys.js';
import { consumeListed } from './listed-messages.js';
import { storableJson, storableText } from './storable.js';
import type { Accepted, Origin } from './messages.js';

export interface DeskOptions {
  /** How long texts wait for a conversation that was just bound to become ready, milliseconds. */
  readyMs: number;
  /** Grace between the last agent's leaving and closing, milliseconds. */
  closeGraceMs: number;
  /** Who finds what is accepted; webhooks unless told. */
  origin?: Origin;
}

/**
 * Applies events of the desk inside the caller's transaction. Locks: keys, then desk
 * conversations, conversations and lanes, each sorted; every writer keeps that order.
 */
export async function acceptDeskEvents(
  db: PoolClient,
  events: DeskEventReceived[],
  options: DeskOptions,
): Promise<Accepted> {
  const results = await insertKeys(db, events, options.origin);
  const fresh = events.filter((_, index) => results[index] === 'accepted').map(storable);
  if (fresh.length === 0) return { results, wakeUps: [] };
  fresh.sort((a, b) => a.occurredAt - b.occurredAt);

  const desks = await lockDeskConversations(db, fresh);
  const threads = await lockConversations(db, fresh, desks);
  await lockLanes(db, [...threads.values()]);
  const wakeUps = await bindByReference(db, fresh, desks, options);
  const isList = options.origin === 'reconciler';
  const consumed = isList ? new Map<DeskEventReceived, string>() : await consumeListed(db, fresh, desks);
  const items = collectItems(fresh, desks, consumed);
  if (isList) for (const { desk } of items) desk.unannounced += 1;
  await storeEvents(db, fresh, items, desks, { consumed, announced: isList ? false : null });
  await storeFacts(db, [...desks.values()]);
  const goOn = await storeStates(db, [...desks.values()], options);

  for (const conversationId of announcedTo(fresh, desks)) {
    const late = await db.query<LaneRow>('select * from hand_over_late($1)', [conversationId]);
    wakeUps.push(...wakeUpsOf(late.rows, 'inbound'));
  }
  for (const desk of desks.values()) {
    if (desk.conversation_id === null || desk.facts.state?.value !== 'idle') continue;
    // What ends after a survey does not end because the agent left.
    const closed = await db.query<LaneRow>(
      `select x.lane_id from conversations c cross join lateral close_conversation(c.id,
         case when c.state = 'post-agent' or c.last_agent_left_at is null then 'idle' else 'agent-left' end, false, false) x
       where c.id = $1`,
      [desk.conversation_id],
    );
    wakeUps.push(...wakeUpsOf(closed.rows, 'inbound'));
  }
  const waiting = await db.query<LaneRow>('select * from end_wait($1::uuid[])', [
    goOn.map((id) => threads.get(id)).filter(Boolean),
  ]);
  wakeUps.push(...wakeUpsOf(waiting.rows, 'inbound'));
  wakeUps.push(...wakeUpsOf(await appendItems(db, items, threads), 'outbound'));
  return { results, wakeUps };
}

interface Item {
  event: DeskEventReceived;
  desk: DeskRow;
  messageId: string;
  outOfOrder: boolean;
}

interface LaneRow {
  lane_id: string;
}

function wakeUpsOf(rows: LaneRow[], direction: Direction): WakeUp[] {
  return rows.map((row) => ({ laneId: row.lane_id, direction }));
}

/** Binds desk conversations that repeat our correlation value. */
async function bindByReference(
  db: PoolClient,
  events: DeskEventReceived[],
  desks: Map<string, DeskRow>,
  options: DeskOptions,
): Promise<WakeUp[]> {
  const wakeUps: WakeUp[] = [];
  for (const event of events) {
    const desk = desks.get(deskKey(event));
    if (!event.create || !desk || desk.conversation_id !== null) continue;
    const { rows } = await db.query<{ result: string; lane_id: string | null }>(
      'select * from bind_conversation($1, $2, $3, $4, $5)',
      [desk.tenant_id, desk.id, event.create.conversationId, event.create.attemptId, options.readyMs],
    );
    if (rows[0]?.result === 'bound') desk.conversation_id = event.create.conversationId;
    wakeUps.push(
      ...rows.flatMap(({ lane_id: laneId }) => (laneId ? [{ laneId, direction: 'outbound' as const }] : [])),
    );
  }
  return wakeUps;
}

/** Merges every event's facts, and picks what goes to customers, flagged where a newer one was taken before. */
function collectItems(
  events: DeskEventReceived[],
  desks: Map<string, DeskRow>,
  consumed: ReadonlyMap<DeskEventReceived, string>,
): Item[] {
  const items: Item[] = [];
  for (const event of events) {
    const desk = desks.get(deskKey(event));
    if (!desk) continue;
    desk.facts = mergeFacts(desk.facts, event.facts);
    if (!forCustomer(event) || consumed.has(event)) continue;
    const newest = desk.newest_message_at ?? -Infinity;
    items.push({ event, desk, messageId: uuid(), outOfOrder: event.occurredAt < newest });
    desk.newest_message_at = Math.max(newest, event.occurredAt);
  }
  return items;
}

async function appendItems(db: PoolClient, items: Item[], threads: Map<string, string>): Promise<LaneRow[]> {
  const bound = items.filter((item) => threads.has(item.desk.conversation_id ?? ''));
  if (bound.length === 0) return [];
  const { rows } = await db.query<LaneRow>('select * from append_outbound($1, $2, $3, $4, $5, $6, $7, $8)', [
    bound.map((item) => item.messageId),
    bound.map((item) => item.event.tenantId),
    bound.map((item) => threads.get(item.desk.conversation_id ?? '')),
    bound.map((item) => item.desk.conversation_id),
    bound.map((item) => item.event.message?.authorType),
    bound.map((item) => item.event.message?.authorId ?? null),
    bound.map((item) => JSON.stringify(item.event.message?.content)),
    bound.map((item) => item.outOfOrder),
  ]);
  return rows;
}

/** The event with ids and names that the columns take; its content and body stay as they came. */
function storable(event: DeskEventReceived): DeskEventReceived {
  const { message } = event;
  return {
    ...event,
    deskConversationId: storableText(event.deskConversationId),
    type: storableText(event.type),
    facts: storableJson(event.facts),
    ...(message?.authorId !== undefined && {
      message: { ...message, authorId: storableText(message.authorId) },
    }),
  };
}

async function insertKeys(
  db: PoolClient,
  events: DeskEventReceived[],
  origin: Origin = 'webhook',
): Promise<AcceptResult[]> {
  const digests = events.map((event) => keyDigest(`chat-gateway:event:${event.tenantId}:${event.eventId}`));
  const bodies = events.map((event) => Buffer.from(event.bodyDigest, 'hex'));
  const inserted = await db.query<{ ord: number }>({
    name: 'desk-keys',
    text: `
      with k as (select * from unnest($1::bytea[], $2::bytea[]) with ordinality as k (digest, body_digest, ord)),
      inserted as (
        insert into dedupe_keys (digest, body_digest, origin)
        select digest, body_digest, $3 from k order by digest
        on conflict do nothing returning digest
      )
      select k.ord::int from k join inserted using (digest)`,
    values: [digests, bodies, origin],
  });
  const results = events.map((): AcceptResult => 'duplicate');
  for (const { ord } of inserted.rows) results[ord - 1] = 'accepted';
  if (inserted.rows.length === events.length) return results;
  // A statement of its own: it sees the key of another gateway that committed while ours waited for it.
  const others = await db.query<{ ord: number }>({
    name: 'desk-keys-with-another-body',
    text: `
      select k.ord::int from unnest($1::bytea[], $2::bytea[]) with ordinality as k (digest, body_digest, ord)
      join dedupe_keys old on old.digest = k.digest where old.body_digest <> k.body_digest`,
    values: [digests, bodies],
  });
  for (const { ord } of others.rows) results[ord - 1] = 'conflict';
  return results;
}

async function lockDeskConversations(
  db: PoolClient,
  events: DeskEventReceived[],
): Promise<Map<string, DeskRow>> {
  const values = [events.map((event) => event.tenantId), events.map((event) => event.deskConversationId)];
  await db.query(
    `insert into desk_conversations (tenant_id, id)
     select distinct t, c from unnest($1::text[], $2::text[]) as e (t, c) order by t, c on conflict do nothing`,
    values,
  );
  const { rows } = await db.query<DeskRow>(
    `select d.tenant_id, d.id, d.conversation_id, d.facts, d.newest_message_at, d.unannounced from desk_conversations d
     where (d.tenant_id, d.id) in (select t, c from unnest($1::text[], $2::text[]) as e (t, c))
     order by d.tenant_id, d.id for update`,
    values,
  );
  return new Map(rows.map((row) => [deskKey({ tenantId: row.tenant_id, deskConversationId: row.id }), row]));
}

/** Locks the conversations that are bound or about to be. Answers the thread of each. */
async function lockConversations(
  db: PoolClient,
  events: DeskEventReceived[],
  desks: Map<string, DeskRow>,
): Promise<Map<string, string>> {
  const bound = [...desks.values()].map((desk) => desk.conversation_id);
  const named = events.map((event) => event.create?.conversationId);
  const { rows } = await db.query<{ id: string; thread_id: string }>(
    'select id, thread_id from conversations where id = any ($1::uuid[]) order by id for update',
    [[...bound, ...named].filter((id) => typeof id === 'string')],
  );
  return new Map(rows.map((row) => [row.id, row.thread_id]));
}

/** The conversations in which a customer's message was announced. */
function announcedTo(events: DeskEventReceived[], desks: Map<string, DeskRow>): Set<string> {
  const own = events.filter((event) => event.message?.authorType === 'user');
  const ids = own.map((event) => desks.get(deskKey(event))?.conversation_id);
  return new Set(ids.filter((id) => typeof id === 'string'));
}

async function lockLanes(db: PoolClient, threadIds: string[]): Promise<void> {
  await db.query(
    'select 1 from lanes where thread_id = any ($1::uuid[]) order by thread_id, direction for update',
    [threadIds],
  );
}

async function storeEvents(
  db: PoolClient,
  events: DeskEventReceived[],
  items: { event: DeskEventReceived; messageId: string }[],
  desks: Map<string, DeskRow>,
  listed: { consumed: ReadonlyMap<DeskEventReceived, string>; announced: boolean | null },
): Promise<void> {
  const messageIds = new Map([
    ...items.map((item) => [item.event, item.messageId] as const),
    ...listed.consumed,
  ]);
  const isBound = (event: DeskEventReceived) =>
    typeof desks.get(deskKey(event))?.conversation_id === 'string';
  await db.query({
    name: 'desk-events',
    text: `
      insert into desk_events (id, tenant_id, desk_conversation_id, event_id, type, occurred_at, author_type, author_id,
        content, content_digest, parked, message_id, body, announced)
      select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[],
        $8::text[], $9::json[], $10::bytea[], $11::boolean[], $12::uuid[], $13::json[], $14::boolean[])`,
    values: [
      events.map(() => uuid()),
      events.map((event) => event.tenantId),
      events.map((event) => event.deskConversationId),
      events.map((event) => event.eventId),
      events.map((event) => event.type),
      events.map((event) => event.occurredAt),
      events.map((event) => event.message?.authorType ?? null),
      events.map((event) => event.message?.authorId ?? null),
      events.map((event) => (event.message ? JSON.stringify(event.message.content) : null)),
      events.map((event) => announcedDigest(event.message?.content) ?? null),
      events.map((event) => messageIds.has(event) && !isBound(event)),
      events.map((event) => (isBound(event) ? (messageIds.get(event) ?? null) : null)),
      events.map((event) => event.raw),
      events.map((event) => (event.message ? listed.announced : null)),
    ],
  });
}

async function storeFacts(db: PoolClient, desks: DeskRow[]): Promise<void> {
  await db.query(
    `update desk_conversations d set facts = f.facts, newest_message_at = f.newest, unannounced = f.unannounced
     from unnest($1::text[], $2::text[], $3::jsonb[], $4::bigint[], $5::int[]) as f (tenant, id, facts, newest, unannounced)
     where d.tenant_id = f.tenant and d.id = f.id`,
    [
      desks.map((desk) => desk.tenant_id),
      desks.map((desk) => desk.id),
      desks.map((desk) => JSON.stringify(desk.facts)),
      desks.map((desk) => desk.newest_message_at),
      desks.map((desk) => desk.unannounced),
    ],
  );
}

/** Writes what the facts make of each bound conversation. Answers those whose waiting texts may go on. */
async function storeStates(db: PoolClient, desks: DeskRow[], options: DeskOptions): Promise<string[]> {
  const goOn: string[] = [];
  for (const desk of desks) {
    if (
      desk.conversation_id !== null &&
      (await applyState(db, desk.conversation_id, desk.facts, options.closeGraceMs))
    ) {
      goOn.push(desk.conversation_id);
    }
  }
  return goOn;
}
