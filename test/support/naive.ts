import type { Pool, Queryable } from '#persistence';

/**
 * The statements one would write first, each with the flaw that DESIGN 4 names. Tests show that they go wrong where
 * ours do not; nothing else uses them.
 */

export interface NaiveMessage {
  digest: Buffer;
  text: string;
}

/** Everything in one statement: the thread that it makes is not there yet for the part of it that reads it back. */
export async function acceptInOneStatement(
  db: Queryable,
  message: NaiveMessage & { numberId: string; address: string },
): Promise<void> {
  await db.query(
    `with k as (
       insert into dedupe_keys (digest, origin) values ($1, 'webhook') on conflict do nothing returning digest
     ), c as (
       insert into customers (id, tenant_id) values (new_id(), 'default') returning id
     ), made as (
       insert into threads (id, tenant_id, number_id, customer_id, customer_address)
       select new_id(), 'default', $2, c.id, $3 from c on conflict do nothing
     )
     insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery)
     select new_id(), 'default', t.id, new_id(), 'inbound', 'user', 1, to_json($4::text), 'open'
     from k, threads t where t.number_id = $2 and t.customer_address = $3`,
    [message.digest, message.numberId, message.address, message.text],
  );
}

/** Check, then insert: whoever loses the race leaves a customer that nobody knows by any name. */
export async function makeCustomerFirst(
  db: Queryable,
  address: string,
  between: () => Promise<void>,
): Promise<void> {
  const known = await db.query('select 1 from customer_aliases where value = $1', [address]);
  await between();
  if (known.rowCount !== 0) return;
  await db.query(
    `with c as (insert into customers (id, tenant_id) values (new_id(), 'default') returning id)
     insert into customer_aliases (tenant_id, channel, value, customer_id)
     select 'default', 'sms', $1, c.id from c on conflict do nothing`,
    [address],
  );
}

/** Keys in the order of arrival: two batches with the same keys lock each other. */
export async function insertKeysAsTheyCome(db: Queryable, digests: Buffer[]): Promise<void> {
  await db.query(
    `insert into dedupe_keys (digest, origin) select digest, 'webhook' from unnest($1::bytea[]) as k (digest)
     on conflict do nothing`,
    [digests],
  );
}

/** A key that stands twice in the batch is inserted once, and then joined to both of its messages. */
export async function acceptByJoiningKeys(
  db: Queryable,
  threadId: string,
  messages: NaiveMessage[],
): Promise<void> {
  await db.query(
    `with i as (select * from unnest($1::bytea[], $2::text[]) with ordinality as i (digest, text, ord)), k as (
       insert into dedupe_keys (digest, origin) select digest, 'webhook' from i on conflict do nothing returning digest
     )
     insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery)
     select new_id(), 'default', $3, $3, 'inbound', 'user', i.ord, to_json(i.text), 'open' from i join k using (digest)`,
    [messages.map(({ digest }) => digest), messages.map(({ text }) => text), threadId],
  );
}

/** One row per message into the lane's counter: 21000 when two messages of one lane share the batch. */
export async function countPerMessage(db: Queryable, threadIds: string[]): Promise<void> {
  await db.query(
    `insert into lanes as l (id, tenant_id, thread_id, direction, next_seq)
     select new_id(), 'default', t, 'inbound', 1 from unnest($1::uuid[]) as t
     on conflict (thread_id, direction) do update set next_seq = l.next_seq + 1`,
    [threadIds],
  );
}

/** Texts as text: one NUL refuses the whole batch. */
export async function storeTexts(db: Queryable, texts: string[]): Promise<void> {
  await db.query(
    `insert into customers (id, tenant_id, name) select new_id(), 'default', t from unnest($1::text[]) as t`,
    [texts],
  );
}

/** A sequence hands out numbers at once, whatever commits first. */
export async function takeFromSequence(db: Queryable, sequence: string): Promise<number> {
  const { rows } = await db.query<{ seq: number }>('select nextval($1::regclass) as seq', [sequence]);
  return rows[0]?.seq ?? 0;
}

/** The lane before the conversation, the other way round than an event. */
export async function intentLaneFirst(db: Queryable, laneId: string, conversationId: string): Promise<void> {
  await db.query(
    `with lane as materialized (select id from lanes where id = $1 for update)
     select c.id from lane, conversations c where c.id = $2 for update of c`,
    [laneId, conversationId],
  );
}

/** Looks whether the conversation is bound, then parks: a binding between the two finds nothing to move. */
export async function parkAfterLooking(
  pool: Pool,
  event: { id: string; deskConversationId: string },
  between: () => Promise<void>,
): Promise<'parked' | 'delivered'> {
  const { rows } = await pool.query<{ conversation_id: string | null }>(
    `select conversation_id from desk_conversations where tenant_id = 'default' and id = $1`,
    [event.deskConversationId],
  );
  await between();
  if (rows[0]?.conversation_id) return 'delivered';
  await pool.query(
    `insert into desk_events (id, tenant_id, desk_conversation_id, event_id, type, occurred_at, author_type, content,
       parked, body)
     values (new_id(), 'default', $1, $2, 'MESSAGE', 1, 'agent', '{"type":"text","text":"lost"}', true, '{}')`,
    [event.deskConversationId, event.id],
  );
  return 'parked';
}
