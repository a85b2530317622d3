import { In, type DataSource, type SelectQueryBuilder } from 'typeorm';
import type { CreateReference, OpeningDetails, WakeUps } from '#core';
import { storableJson } from '../accept/storable.js';
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

/** A conversation with all that is said again when something of it changes. */
export interface ChangeableConversation {
  tenantId: string;
  state: ConversationState;
  /** Empty while it is not at the desk. */
  deskConversationId: string;
  /** Of the create that it came of. */
  reference: CreateReference;
  details: OpeningDetails;
  /** Of the details: a change that was made meanwhile shows in it. */
  version: string | null;
}

interface ChangeableRow {
  tenant_id: string;
  state: ConversationState;
  desk_conversation_id: string | null;
  attempt_id: string | null;
  version: string | null;
  name: string | null;
  address: string;
}

/** Conversations, as operators see, change and close them. */
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

  async changeable(id: string): Promise<ChangeableConversation | undefined> {
    const dataSource = await this.database.connect();
    const [row] = await dataSource.query<ChangeableRow[]>(
      `select c.tenant_id, c.state, c.desk_conversation_id, c.details::text as version, u.name, t.customer_address as address,
         coalesce((select a.id from attempts a where a.conversation_id = c.id and a.kind = 'create'
           and a.provider_id = c.desk_conversation_id limit 1), c.create_attempt_id) as attempt_id
       from conversations c join threads t on t.id = c.thread_id join customers u on u.id = t.customer_id
       where c.id = $1 and c.tenant_id = any ($2::text[])`,
      [id, this.database.tenantIds],
    );
    return (
      row && {
        tenantId: row.tenant_id,
        state: row.state,
        deskConversationId: row.desk_conversation_id ?? '',
        reference: { conversationId: id, attemptId: row.attempt_id ?? '' },
        details: detailsOf(row),
        version: row.version,
      }
    );
  }

  /** The desk has taken a change. False where another was made meanwhile: then the desk does not have what is kept here. */
  async changed(
    id: string,
    change: { from: string | null; details: OpeningDetails; fields: string[] },
    by: Actor,
  ): Promise<boolean> {
    const dataSource = await this.database.connect();
    const rows = await dataSource.query<unknown[]>(
      `with changed as (
         update conversations set details = $3 where id = $1 and tenant_id = any ($2::text[]) and details::text is not distinct from $4
         returning id, tenant_id
       )
       select record_act(tenant_id, $5, $6, 'conversation.change', 'conversation', id, jsonb_build_object('fields', $7::text[]))
       from changed`,
      [
        id,
        this.database.tenantIds,
        JSON.stringify(storableJson(change.details)),
        change.from,
        ...actorValues(by),
        change.fields,
      ],
    );
    return rows.length > 0;
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

/** What a build before has created is not kept whole: who it is stands with the customer. */
function detailsOf({ version, name, address }: ChangeableRow): OpeningDetails {
  if (version !== null) return JSON.parse(version) as OpeningDetails;
  const phone = address.replace(/^whatsapp:/, '');
  return { user: { ...(name !== null && { name }), ...(phone.startsWith('+') && { phone }) } };
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
