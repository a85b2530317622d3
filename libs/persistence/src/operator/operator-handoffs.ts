import { v7 as uuid } from 'uuid';
import type { MessageContent, WakeUps } from '#core';
import { keyDigest } from '../accept/keys.js';
import { customersAt } from './customer-addresses.js';
import { actorValues, type Actor } from './operator-audit.js';
import type { OperatorDatabase } from './operator-database.js';

/**
 * Why a customer is not handed over. `unknown`: nobody with this address has written to that number; `conflict`: something else
 * came under this key; `served`: agents have them already; `waiting`: another hand-off does.
 */
export type HandoffRefusal = 'unknown' | 'conflict' | 'served' | 'waiting';

export interface NewHandoff {
  customer: { threadId: string } | { numberId: string; address: string };
  idempotencyKey: string;
  content: MessageContent;
}

interface Row {
  outcome: 'posted' | 'repeated' | HandoffRefusal;
  message_id: string | null;
  lane_id: string | null;
}

/** Customers whom a bot hands over to the agents. */
export class OperatorHandoffs {
  constructor(
    private readonly database: OperatorDatabase,
    private readonly wakeUps: WakeUps,
  ) {}

  /** Puts the hand-off behind what the customer has written, once per key. Answers its id. */
  async post(handoff: NewHandoff, by: Actor): Promise<{ id: string } | { refused: HandoffRefusal }> {
    const { idempotencyKey, content } = handoff;
    const thread = await this.threadOf(handoff.customer);
    if (!thread) return { refused: 'unknown' };
    const { threadId, tenantId } = thread;
    const dataSource = await this.database.connect();
    const [row] = await dataSource.query<Row[]>(
      'select * from post_handoff($1, $2, $3, $4, $5, $6, $7, $8)',
      [
        tenantId,
        threadId,
        keyDigest(`api:handoff:${tenantId}:${idempotencyKey}`),
        keyDigest(JSON.stringify([threadId, content])),
        uuid(),
        JSON.stringify(content),
        ...actorValues(by),
      ],
    );
    if (!row) return { refused: 'unknown' };
    if (row.lane_id !== null) this.wakeUps.wake([{ laneId: row.lane_id, direction: 'inbound' }]);
    const { outcome, message_id: id } = row;
    if (outcome === 'posted' || outcome === 'repeated') return { id: id ?? '' };
    return { refused: outcome };
  }

  private async threadOf(
    customer: NewHandoff['customer'],
  ): Promise<{ threadId: string; tenantId: string } | undefined> {
    if ('threadId' in customer) {
      const { threadId } = customer;
      const tenantId = await this.database.tenantOf('threads', threadId);
      return tenantId === undefined ? undefined : { threadId, tenantId };
    }
    const dataSource = await this.database.connect();
    const { tenantIds } = this.database;
    const customerIds = await customersAt(dataSource, tenantIds, customer.address);
    const [thread] = await dataSource.query<{ threadId: string; tenantId: string }[]>(
      `select id as "threadId", tenant_id as "tenantId" from threads
       where tenant_id = any ($1::text[]) and number_id = $2 and customer_id = any ($3::uuid[]) and continues_in is null`,
      [tenantIds, customer.numberId, customerIds],
    );
    return thread;
  }
}
