import { In, type DataSource, type SelectQueryBuilder } from 'typeorm';
import { v7 as uuid } from 'uuid';
import type { MessageContent, WakeUps } from '#core';
import { keyDigest } from '../accept/keys.js';
import { Attempt } from '../entities/attempt.js';
import { Message, type Delivery } from '../entities/message.js';
import { Part } from '../entities/part.js';
import { filteredMessages, lanesAt, type MessageFilter } from './message-filter.js';
import { actorValues, type Actor } from './operator-audit.js';
import type { OperatorDatabase } from './operator-database.js';
import { pageOf, type Page, type PageRequest } from './page.js';

/** A message with the parts that provider calls carried, and those calls. */
export interface ShownMessage {
  message: Message;
  parts: { n: number; attempts: Attempt[] }[];
}

type Ids = { id: string };

/** In these states a message stands in `lane_items`, which is small; the table of messages has no index for them. */
const UNDER_WAY: ReadonlySet<Delivery> = new Set(['open', 'sending', 'uncertain']);

/**
 * Messages, as operators see them. Each list first finds the ids of its page, by an index or by the partitions' order,
 * and then reads these messages, their parts and attempts by id, which touches the partitions of their months alone.
 */
export class OperatorMessages {
  constructor(
    private readonly database: OperatorDatabase,
    private readonly wakeUps: WakeUps,
  ) {}

  /** Puts a message into its customer's lane, once per key. Answers its id. */
  async post(
    message: { threadId: string; idempotencyKey: string; content: MessageContent },
    by: Actor,
  ): Promise<string> {
    const { threadId, idempotencyKey, content } = message;
    const tenantId = await this.database.tenantOf('threads', threadId);
    if (tenantId === undefined) return 'unknown';
    const dataSource = await this.database.connect();
    const [answer] = await dataSource.query<
      { outcome: string; message_id: string | null; lane_id: string | null }[]
    >('select * from post_message($1, $2, $3, $4, $5, $6, $7, $8)', [
      tenantId,
      threadId,
      keyDigest(`api:message:${tenantId}:${idempotencyKey}`),
      keyDigest(JSON.stringify([threadId, content])),
      uuid(),
      JSON.stringify(content),
      ...actorValues(by),
    ]);
    if (answer?.lane_id) this.wakeUps.wake([{ laneId: answer.lane_id, direction: 'outbound' }]);
    return answer?.outcome === 'conflict' ? 'conflict' : (answer?.message_id ?? 'unknown');
  }

  /** The newest first. */
  async list(filter: MessageFilter, page: PageRequest): Promise<Page<ShownMessage>> {
    const dataSource = await this.database.connect();
    const tenantIds = this.database.among(filter.tenantId);
    const query = filteredMessages(dataSource, tenantIds, filter);
    if (page.after !== undefined) query.andWhere('m.id < :after', { after: page.after });
    if (filter.address !== undefined) {
      const { lanes } = await lanesAt(dataSource, tenantIds, filter.address);
      if (lanes.length === 0) return { items: [] };
      query.andWhere('m.laneId in (:...lanes)', { lanes });
    } else if (filter.delivery !== undefined && UNDER_WAY.has(filter.delivery)) {
      query.andWhere(`m.id in (select message_id from lane_items where state = :delivery)`);
    } else if (filter.reason === undefined) {
      const found = await query
        .orderBy('m.id', 'DESC')
        .limit(page.limit + 1)
        .getRawMany<Ids>();
      return this.show(dataSource, pageOf(found, page.limit), 'DESC');
    }
    return this.show(dataSource, pageOf(await few(dataSource, query, page.limit + 1), page.limit), 'DESC');
  }

  /** Those of one conversation, in the order of acceptance. */
  async ofConversation(conversationId: string, page: PageRequest): Promise<Page<ShownMessage>> {
    const dataSource = await this.database.connect();
    const query = filteredMessages(dataSource, this.database.tenantIds, {}).andWhere(
      'm.conversationId = :conversationId',
      { conversationId },
    );
    if (page.after !== undefined) query.andWhere('m.id > :after', { after: page.after });
    const found = await query
      .orderBy('m.conversationId')
      .addOrderBy('m.id')
      .limit(page.limit + 1)
      .getRawMany<Ids>();
    return this.show(dataSource, pageOf(found, page.limit), 'ASC');
  }

  async get(id: string): Promise<ShownMessage | undefined> {
    const dataSource = await this.database.connect();
    const { items } = await this.show(dataSource, { items: [{ id }] }, 'ASC');
    return items[0];
  }

  private async show(
    dataSource: DataSource,
    { items, ...rest }: Page<Ids>,
    order: 'ASC' | 'DESC',
  ): Promise<Page<ShownMessage>> {
    if (items.length === 0) return { items: [] };
    const ids = In(items.map(({ id }) => id));
    // A message's parts are stored before its attempts are, so attempts read first never lack their part.
    const messages = await dataSource
      .getRepository(Message)
      .find({ where: { id: ids, tenantId: In(this.database.tenantIds) }, order: { id: order } });
    const attempts = await dataSource
      .getRepository(Attempt)
      .find({ where: { messageId: ids, kind: 'send' }, order: { id: 'ASC' } });
    const parts = await dataSource
      .getRepository(Part)
      .find({ select: { messageId: true, n: true }, where: { messageId: ids }, order: { n: 'ASC' } });
    const attemptsOf = Map.groupBy(attempts, (attempt) => `${attempt.messageId} ${attempt.partN}`);
    const partsOf = Map.groupBy(parts, (part) => part.messageId);
    const shown = messages.map((message) => ({
      message,
      parts: (partsOf.get(message.id) ?? []).map(({ n }) => ({
        n,
        attempts: attemptsOf.get(`${message.id} ${n}`) ?? [],
      })),
    }));
    return { items: shown, ...rest };
  }
}

/**
 * The newest ids of a set that is small beside the table. Collected before they are sorted: given the limit, Postgres
 * may walk through years of messages from the newest in the hope of meeting these.
 */
async function few(
  dataSource: DataSource,
  query: SelectQueryBuilder<Message>,
  limit: number,
): Promise<Ids[]> {
  return await dataSource
    .createQueryBuilder()
    .addCommonTableExpression(query, 'few', { materialized: true })
    .select('few.id', 'id')
    .from('few', 'few')
    .orderBy('few.id', 'DESC')
    .limit(limit)
    .setParameters(query.getParameters())
    .getRawMany<Ids>();
}
