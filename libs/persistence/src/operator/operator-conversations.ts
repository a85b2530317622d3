import { In, type DataSource, type SelectQueryBuilder } from 'typeorm';
import type { WakeUps } from '#core';
import { Conversation, type ConversationState } from '../entities/conversation.js';
import { addressesOf, customersAt } from './customer-addresses.js';
import { actorValues, type Actor } from './operator-audit.js';
import type { OperatorDatabase } from './operator-database.js';
import { pageOf, type Page, type PageRequest } from './page.js';

export interface ConversationFilter {
  tenantId?: string;
  /** One of the customer's addresses. */
  address?: string;
  /** The business number: its id. */
  numberId?: string;
  /** The business number: its address. */
  numberAddress?: string;
  state?: ConversationState;
}

/** A conversation with its thread, its customer and all addresses of the customer. */
export interface ShownConversation {
  conversation: Conversation;
  addresses: string[];
}

/** Conversations, as operators see and close them. */
export class OperatorConversations {
  constructor(
    private readonly database: OperatorDatabase,
    private readonly wakeUps: WakeUps,
  ) {}

  /** The newest first. */
  async list(filter: ConversationFilter, page: PageRequest): Promise<Page<ShownConversation>> {
    const dataSource = await this.database.connect();
    const query = this.query(dataSource, filter.tenantId)
      .orderBy('c.id', 'DESC')
      .limit(page.limit + 1);
    if (page.after !== undefined) query.andWhere('c.id < :after', { after: page.after });
    if (filter.state !== undefined) query.andWhere('c.state = :state', { state: filter.state });
    if (filter.numberId !== undefined)
      query.andWhere('t.numberId = :numberId', { numberId: filter.numberId });
    if (filter.numberAddress !== undefined) {
      query.innerJoin('t.number', 'n', 'n.address = :number', { number: filter.numberAddress });
    }
    if (filter.address !== undefined) {
      const customerIds = await customersAt(dataSource, this.database.tenantIds, filter.address);
      if (customerIds.length === 0) return { items: [] };
      query.andWhere('t.customerId in (:...customerIds)', { customerIds });
    }
    const { items, ...rest } = pageOf(await query.getMany(), page.limit);
    return { items: await show(dataSource, items), ...rest };
  }

  async get(id: string): Promise<ShownConversation | undefined> {
    const dataSource = await this.database.connect();
    const found = await this.query(dataSource).andWhere('c.id = :id', { id }).getOne();
    return found ? (await show(dataSource, [found]))[0] : undefined;
  }

  /** Closes it and has the customer leave at the desk. */
  async close(id: string, by: Actor): Promise<'closed' | 'closed-already' | 'unknown'> {
    const dataSource = await this.database.connect();
    if (!(await this.exists(dataSource, id))) return 'unknown';
    const lanes = await dataSource.query<{ lane_id: string }[]>(
      `select c.lane_id, record_act((select tenant_id from conversations where id = $1), $2, $3, 'conversation.close',
         'conversation', $1, '{}')
       from close_conversation($1, 'operator', false, true) c`,
      [id, ...actorValues(by)],
    );
    if (lanes.length === 0) return 'closed-already';
    this.wakeUps.wake(lanes.map((lane) => ({ laneId: lane.lane_id, direction: 'inbound' })));
    return 'closed';
  }

  async has(id: string): Promise<boolean> {
    return this.exists(await this.database.connect(), id);
  }

  private exists(dataSource: DataSource, id: string): Promise<boolean> {
    return dataSource.getRepository(Conversation).existsBy({ id, tenantId: In(this.database.tenantIds) });
  }

  private query(dataSource: DataSource, tenantId?: string): SelectQueryBuilder<Conversation> {
    return dataSource
      .getRepository(Conversation)
      .createQueryBuilder('c')
      .innerJoinAndSelect('c.thread', 't')
      .innerJoinAndSelect('t.customer', 'customer')
      .where('c.tenantId = any (:tenantIds)', { tenantIds: this.database.among(tenantId) });
  }
}

async function show(dataSource: DataSource, conversations: Conversation[]): Promise<ShownConversation[]> {
  const addresses = await addressesOf(
    dataSource,
    conversations.map((conversation) => conversation.thread.customerId),
  );
  return conversations.map((conversation) => ({
    conversation,
    addresses: addresses.get(conversation.thread.customerId) ?? [],
  }));
}
