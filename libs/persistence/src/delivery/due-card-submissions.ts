import type { CardSubmission, MessageContent, PartContent } from '#core';
import type { Pool } from '../database.js';

/** A choice on a card of the desk's, which the card has not been told of yet. */
export interface DueCardSubmission extends CardSubmission {
  /** The customer's message that made it. */
  messageId: string;
  tenantId: string;
}

export interface CardSubmissionTimes {
  /** First pause after a call that did not succeed; it doubles. At least as long as a call may take. */
  pauseMs: number;
  maxPauseMs: number;
  /** Counted from the delivery of the customer's message: what could not be told for so long is not told any more. */
  lifeMs: number;
}

interface DueRow {
  message_id: string;
  ends: boolean;
  part: PartContent;
}

interface OfferRow {
  id: string;
  tenant_id: string;
  desk_conversation_id: string;
  content: MessageContent;
  announced_at: number;
}

/** Choices that were made on cards: the agent reads them as texts first, and only then are the cards told. */
export class DueCardSubmissions {
  constructor(private readonly pool: Pool) {}

  /**
   * Those whose message has reached the agent, at most `limit`, each put off by a pause. One whose message failed, whose
   * conversation is over, or that has been tried for long enough is forgotten.
   */
  async take(
    limit: number,
    { pauseMs, maxPauseMs, lifeMs }: CardSubmissionTimes,
  ): Promise<DueCardSubmission[]> {
    // Parts are read as they are: what their JSON may hold, SQL cannot look into.
    const { rows } = await this.pool.query<DueRow>(
      `with due as (
         select message_id from card_submissions_due where due_at <= clock_timestamp()
         order by due_at limit $1 for update skip locked
       ), message as (
         select d.message_id, m.delivery = 'submitted' as arrived, m.delivery = 'failed' as failed
         from due d left join messages m on m.id = d.message_id
       ), put_off as (
         update card_submissions_due d set
           tries = case when m.arrived then d.tries + 1 else 0 end,
           due_since = case when m.arrived and d.tries > 0 then d.due_since else clock_timestamp() end,
           due_at = clock_timestamp()
             + least($3::float8, $2::float8 * 2 ^ least(d.tries, 20)) * interval '1 ms'
         from message m where d.message_id = m.message_id
         returning d.message_id, m.arrived, coalesce(m.failed, true)
           or d.due_since <= clock_timestamp() - $4 * interval '1 ms' as ends
       )
       select o.message_id, o.ends, p.content as part from put_off o
       left join parts p on p.message_id = o.message_id and p.n = 1
       where o.arrived or o.ends`,
      [limit, pauseMs, maxPauseMs, lifeMs],
    );
    const offers = await this.offers(rows.flatMap(({ part }) => part?.answer?.offeredBy ?? []));
    const submissions = rows.map(({ message_id: messageId, ends, part }) => {
      const offer = ends ? undefined : offers.get(part.answer?.offeredBy ?? '');
      return { messageId, submission: offer && submissionOf(messageId, part, offer) };
    });
    const unwanted = submissions.filter(({ submission }) => !submission);
    if (unwanted.length > 0) await this.forget(unwanted.map(({ messageId }) => messageId));
    return submissions.flatMap(({ submission }) => submission ?? []);
  }

  /** Told, or never to be told. */
  async done({ messageId }: DueCardSubmission): Promise<void> {
    await this.forget([messageId]);
  }

  private async forget(messageIds: string[]): Promise<void> {
    await this.pool.query('delete from card_submissions_due where message_id = any ($1::uuid[])', [
      messageIds,
    ]);
  }

  /** What the desk announced, in conversations that are not over. */
  private async offers(messageIds: string[]): Promise<Map<string, OfferRow>> {
    if (messageIds.length === 0) return new Map();
    const { rows } = await this.pool.query<OfferRow>(
      `select m.id, c.tenant_id, c.desk_conversation_id, m.content, e.announced_at
       from messages m join conversations c on c.id = m.conversation_id and c.state <> 'closed'
       cross join lateral (
         select min(occurred_at)::float8 as announced_at from desk_events where message_id = m.id) e
       where m.id = any ($1::uuid[]) and c.desk_conversation_id is not null and e.announced_at is not null`,
      [messageIds],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }
}

function submissionOf(messageId: string, part: PartContent, offer: OfferRow): DueCardSubmission | undefined {
  const { title = '', cardAction } = part.answer ?? {};
  const card = offer.content.type === 'card' ? offer.content.cards[cardAction?.card ?? -1] : undefined;
  if (!cardAction || !card) return undefined;
  return {
    messageId,
    tenantId: offer.tenant_id,
    deskConversationId: offer.desk_conversation_id,
    card,
    announcedAt: offer.announced_at,
    action: cardAction.action,
    data: cardAction.data,
    title,
  };
}
