import type { DeskConversationId } from '#core';
import type { Pool } from '../database.js';

/** Whom typing is to be shown, by their newest message. */
export interface TypingTarget {
  /** The provider's account of the number. */
  account: string;
  providerMessageId: string;
}

export interface TypingLimits {
  /** A thread is shown it once in so long, over all workers. */
  everyMs: number;
  /** How old the customer's newest message may be. */
  maxAgeMs: number;
}

/** Customers who may be shown that an agent types. */
export class TypingTargets {
  constructor(private readonly pool: Pool) {}

  /**
   * The customer of a conversation, once per interval; undefined where they are shown nothing: by setting, on a channel that
   * cannot, long after they wrote, or while their thread has anything to send, which says more than typing.
   */
  async take(
    { tenantId, deskConversationId }: DeskConversationId,
    { everyMs, maxAgeMs }: TypingLimits,
  ): Promise<TypingTarget | undefined> {
    const { rows } = await this.pool.query<TypingTarget>({
      name: 'take-typing-target',
      // Ids carry their time, which picks the partitions; a gateway's clock may be an hour behind.
      text: `
        with target as materialized (
          select c.thread_id, n.account_sid, newest.provider_message_id
          from conversations c join business_numbers n on n.id = c.number_id
          cross join lateral (
            select m.provider_message_id from lanes l join messages m on m.lane_id = l.id
            where l.thread_id = c.thread_id and l.direction = 'inbound' and m.provider_message_id is not null
              and m.id >= uuid_v7_floor(now() - $4 * interval '1 ms' - interval '1 hour')
              and m.accepted_at > now() - $4 * interval '1 ms'
            order by m.seq desc limit 1
          ) newest
          where c.tenant_id = $1 and c.desk_conversation_id = $2 and c.state <> 'closed'
            and n.channel = 'whatsapp' and n.settings ->> 'typing' is distinct from 'false'
            and not exists (select from lanes l join lane_items i on i.lane_id = l.id
              where l.thread_id = c.thread_id and l.direction = 'outbound')
        ), taken as (
          insert into typing_shown as t (thread_id, shown_at) select thread_id, clock_timestamp() from target
          on conflict (thread_id) do update set shown_at = excluded.shown_at
            where t.shown_at <= clock_timestamp() - $3 * interval '1 ms'
          returning thread_id
        )
        select account_sid as account, provider_message_id as "providerMessageId" from target join taken using (thread_id)`,
      values: [tenantId, deskConversationId, everyMs, maxAgeMs],
    });
    return rows[0];
  }

  /**
   * The customer of a thread, for whom a bot is at work: as {@link take} has it, but for the conversation, which there need not
   * be. `deskConversationId`: where the desk is to be shown it, too.
   */
  async takeThread(
    { tenantId, threadId }: { tenantId: string; threadId: string },
    { everyMs, maxAgeMs }: TypingLimits,
  ): Promise<{ deskConversationId?: string; customer?: TypingTarget }> {
    const { rows } = await this.pool.query<{
      desk_conversation_id: string | null;
      account: string | null;
      provider_message_id: string | null;
    }>({
      name: 'take-thinking-target',
      text: `
        with thread as materialized (
          select t.id, n.account_sid, n.channel = 'whatsapp' and n.settings ->> 'typing' is distinct from 'false'
            and not exists (select from lanes l join lane_items i on i.lane_id = l.id
              where l.thread_id = t.id and l.direction = 'outbound') as shows
          from threads t join business_numbers n on n.id = t.number_id where t.tenant_id = $1 and t.id = $2
        ), newest as materialized (
          select m.provider_message_id from thread join lanes l on l.thread_id = thread.id and l.direction = 'inbound'
          join messages m on m.lane_id = l.id
          where thread.shows and m.provider_message_id is not null
            and m.id >= uuid_v7_floor(now() - $4 * interval '1 ms' - interval '1 hour')
            and m.accepted_at > now() - $4 * interval '1 ms'
          order by m.seq desc limit 1
        ), taken as (
          insert into typing_shown as t (thread_id, shown_at)
          select thread.id, clock_timestamp() from thread, newest
          on conflict (thread_id) do update set shown_at = excluded.shown_at
            where t.shown_at <= clock_timestamp() - $3 * interval '1 ms'
          returning thread_id
        )
        select c.desk_conversation_id, thread.account_sid as account,
          (select provider_message_id from newest, taken) as provider_message_id
        from thread left join conversations c on c.thread_id = thread.id and c.state = 'post-agent'`,
      values: [tenantId, threadId, everyMs, maxAgeMs],
    });
    const { desk_conversation_id: desk, account, provider_message_id: newest } = rows[0] ?? {};
    return {
      ...(desk && { deskConversationId: desk }),
      ...(account && newest && { customer: { account, providerMessageId: newest } }),
    };
  }
}
