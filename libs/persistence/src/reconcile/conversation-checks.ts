import { hash } from 'node:crypto';
import type { PoolClient } from 'pg';
import {
  compareMessages,
  type Comparison,
  type ConversationFacts,
  type DeskEventReceived,
  type ListedMessage,
  type MessageContent,
  type TakenMessage,
  type WakeUps,
} from '#core';
import { acceptDeskEvents, type DeskOptions } from '../accept/desk-events.js';
import { inTransaction, type Pool, type Queryable } from '../database.js';

/** A conversation whose turn it is. */
export interface ConversationCheck {
  conversationId: string;
  tenantId: string;
  deskConversationId: string;
  open: boolean;
  /** Nothing was heard of it for `silentMs`. */
  silent: boolean;
  /** It closed so long ago that this comparison is the last one. */
  last: boolean;
  /** Earlier tries that did not succeed, in a row. */
  tries: number;
}

interface CheckRow {
  id: string;
  tenant_id: string;
  desk_conversation_id: string;
  open: boolean;
  silent: boolean;
  last: boolean;
  tries: number;
}

interface TakenRow {
  content: MessageContent;
  event_id: string;
  announced: boolean | null;
  certain: boolean;
  settled: boolean;
}

export interface ConversationChecksOptions extends DeskOptions {
  pool: Pool;
  wakeUps: WakeUps;
}

/** Prefix of the event id under which a message of the desk's list is taken. */
const LISTED = 'msg:';

/** What was heard of conversations, to be compared with what the desk says of them. */
export class ConversationChecks {
  constructor(private readonly options: ConversationChecksOptions) {}

  /** Takes those that have waited longest, each for `leaseMs`, so that no other worker looks at them meanwhile. */
  async take(
    limit: number,
    times: { leaseMs: number; silentMs: number; messagesMs: number },
  ): Promise<ConversationCheck[]> {
    const { rows } = await this.options.pool.query<CheckRow>(
      `with due as (
         select conversation_id from conversation_checks where due_at <= clock_timestamp()
         order by due_at limit $1 for update skip locked
       ), taken as (
         update conversation_checks k set due_at = clock_timestamp() + $2 * interval '1 ms', tries = k.tries + 1
         from due where k.conversation_id = due.conversation_id returning k.conversation_id, k.tries - 1 as tries
       )
       select c.id, c.tenant_id, c.desk_conversation_id, c.state <> 'closed' as open, taken.tries,
         c.opened_at <= clock_timestamp() - $3 * interval '1 ms' and not exists (
           select from desk_events e where e.tenant_id = c.tenant_id and e.desk_conversation_id = c.desk_conversation_id
             and e.id >= uuid_v7_floor(clock_timestamp() - $3 * interval '1 ms')) as silent,
         coalesce(c.closed_at <= clock_timestamp() - $4 * interval '1 ms', false) as last
       from taken join conversations c on c.id = taken.conversation_id`,
      [limit, times.leaseMs, times.silentMs, times.messagesMs],
    );
    return rows.map(({ id, tenant_id, desk_conversation_id, ...rest }) => ({
      ...rest,
      conversationId: id,
      tenantId: tenant_id,
      deskConversationId: desk_conversation_id,
    }));
  }

  async again(conversationId: string, inMs: number, succeeded: boolean): Promise<void> {
    await this.options.pool.query(
      `update conversation_checks set due_at = clock_timestamp() + $2 * interval '1 ms',
         tries = case when $3 then 0 else tries end
       where conversation_id = $1`,
      [conversationId, inMs, succeeded],
    );
  }

  async done(conversationId: string): Promise<void> {
    await this.options.pool.query('delete from conversation_checks where conversation_id = $1', [
      conversationId,
    ]);
  }

  /** What is known of the conversation, and when an agent last gave a sign in it (the far side's time). */
  async known(check: ConversationCheck): Promise<{ facts: ConversationFacts; lastSignAt?: number }> {
    const { rows } = await this.options.pool.query<{ facts: ConversationFacts; sign: number | null }>(
      `select d.facts, (select max(e.occurred_at) from desk_events e
         where e.tenant_id = d.tenant_id and e.desk_conversation_id = d.id and e.author_type = 'agent') as sign
       from desk_conversations d where d.tenant_id = $1 and d.id = $2`,
      [check.tenantId, check.deskConversationId],
    );
    const { facts = {}, sign = null } = rows[0] ?? {};
    return { facts, ...(sign !== null && { lastSignAt: sign }) };
  }

  /** The desk does not know it any more. */
  async gone(check: ConversationCheck): Promise<void> {
    const { rows } = await this.options.pool.query<{ lane_id: string }>(
      `select * from close_conversation($1, 'gone', false, false)`,
      [check.conversationId],
    );
    this.options.wakeUps.wake(rows.map((row) => ({ laneId: row.lane_id, direction: 'inbound' })));
  }

  /**
   * Compares the desk's list with what was taken, and takes what is missing, unless the comparison is broken. Compared once
   * more under the conversation's lock, where no event can come in between. Its row is locked before the keys, other than
   * everywhere else: nobody takes such a key without that row.
   */
  async takeMissing(
    check: ConversationCheck,
    listed: ListedMessage[],
    times: { olderThan: number; messagesMs: number },
  ): Promise<Comparison> {
    const compare = async (db: Queryable) =>
      compareMessages(listed, await this.taken(db, check, times.messagesMs), times.olderThan);
    const first = await compare(this.options.pool);
    if (first.missing.length === 0 || first.broken) return first;
    return inTransaction(this.options.pool, async (client) => {
      await lockDesk(client, check);
      const comparison = await compare(client);
      if (comparison.missing.length > 0 && !comparison.broken) {
        const events = comparison.missing.map((entry) => eventOf(check, entry));
        const { wakeUps } = await acceptDeskEvents(client, events, { ...this.options, origin: 'reconciler' });
        return { ...comparison, wakeUps };
      }
      return { ...comparison, wakeUps: [] };
    }).then(({ wakeUps, ...comparison }) => {
      this.options.wakeUps.wake(wakeUps);
      return comparison;
    });
  }

  /** An event that names no author counts unless it was found to be ours; it proves something once it was found to be an agent's. */
  private async taken(db: Queryable, check: ConversationCheck, settledMs: number): Promise<TakenMessage[]> {
    const { rows } = await db.query<TakenRow>(
      `select e.content, e.event_id, e.announced, coalesce(e.author_type = 'agent' or m.author_type = 'agent', false) as certain,
         e.id < uuid_v7_floor(clock_timestamp() - $3 * interval '1 ms') as settled
       from desk_events e left join messages m on m.id = e.message_id
       where e.tenant_id = $1 and e.desk_conversation_id = $2 and e.content is not null
         and (e.author_type = 'agent' or e.author_type = 'unknown' and not e.ours) and e.announced is not true`,
      [check.tenantId, check.deskConversationId, settledMs],
    );
    return rows.map(({ content, certain, settled, event_id, announced }) => ({
      content,
      certain,
      settled,
      ...(announced === false && { listedId: event_id.slice(LISTED.length) }),
    }));
  }
}

async function lockDesk(db: PoolClient, check: ConversationCheck): Promise<void> {
  await db.query('select 1 from desk_conversations where tenant_id = $1 and id = $2 for update', [
    check.tenantId,
    check.deskConversationId,
  ]);
}

/** A listed message as the event that did not come. */
function eventOf(check: ConversationCheck, entry: ListedMessage): DeskEventReceived {
  const raw = JSON.stringify(entry);
  const { authorId, content } = entry;
  return {
    kind: 'desk-event',
    tenantId: check.tenantId,
    eventId: `${LISTED}${entry.id}`,
    bodyDigest: hash('sha256', raw, 'hex'),
    deskConversationId: check.deskConversationId,
    type: 'MESSAGE',
    occurredAt: entry.createdAt,
    facts: {},
    message: {
      authorType: 'agent',
      ...(authorId !== undefined && { authorId }),
      content: content ?? { type: 'text', text: entry.text },
    },
    raw,
  };
}
