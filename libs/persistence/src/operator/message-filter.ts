import type { DataSource, SelectQueryBuilder } from 'typeorm';
import type { Direction } from '#core';
import { Lane } from '../entities/lane.js';
import { Message, type Delivery } from '../entities/message.js';
import { Thread } from '../entities/thread.js';
import { customersAt } from './customer-addresses.js';

export interface MessageFilter {
  tenantId?: string;
  delivery?: Delivery;
  possibleDuplicate?: boolean;
  direction?: Direction;
  /** One of the customer's addresses. */
  address?: string;
  /** Of those that failed or are held, unless `delivery` says otherwise. */
  reason?: string;
  /** The business number's id. */
  numberId?: string;
  /** From this instant on. */
  acceptedFrom?: Date;
  /** Before this instant. */
  acceptedTo?: Date;
}

/** The id of a message carries its gateway's clock, `accepted_at` the database's. */
const CLOCKS_APART_MS = 86_400_000;

/** The ids of these tenants' messages, by everything in a filter but the address: see {@link lanesAt}. */
export function filteredMessages(
  dataSource: DataSource,
  tenantIds: readonly string[],
  filter: MessageFilter,
): SelectQueryBuilder<Message> {
  const { delivery, possibleDuplicate, direction, reason, numberId, acceptedFrom, acceptedTo } = filter;
  const query = dataSource
    .getRepository(Message)
    .createQueryBuilder('m')
    .select('m.id', 'id')
    .where('m.tenantId = any (:tenantIds)', { tenantIds });
  if (delivery !== undefined) query.andWhere('m.delivery = :delivery', { delivery });
  // Written out, here and below: such an index is used where Postgres sees the condition, not a parameter.
  else if (reason !== undefined) query.andWhere(`m.delivery in ('failed', 'held')`);
  if (reason !== undefined) query.andWhere('m.reason = :reason', { reason });
  if (direction !== undefined) query.andWhere('m.direction = :direction', { direction });
  if (possibleDuplicate === true) query.andWhere('m.possibleDuplicate');
  if (possibleDuplicate === false) query.andWhere('not m.possibleDuplicate');
  if (numberId !== undefined) {
    query.andWhere('exists (select from threads t where t.id = m.thread_id and t.number_id = :numberId)', {
      numberId,
    });
  }
  // Exact by the time of acceptance; by the id, too, because partitions and indexes go by that.
  if (acceptedFrom) {
    query.andWhere('m.acceptedAt >= :acceptedFrom and m.id >= uuid_v7_floor(:idsFrom)', {
      acceptedFrom,
      idsFrom: new Date(acceptedFrom.getTime() - CLOCKS_APART_MS),
    });
  }
  if (acceptedTo) {
    query.andWhere('m.acceptedAt < :acceptedTo and m.id < uuid_v7_floor(:idsTo)', {
      acceptedTo,
      idsTo: new Date(acceptedTo.getTime() + CLOCKS_APART_MS),
    });
  }
  return query;
}

/** Whoever has this address, with each tenant of these, and the lanes of their threads. */
export async function lanesAt(
  dataSource: DataSource,
  tenantIds: readonly string[],
  address: string,
): Promise<{ customerIds: string[]; lanes: string[] }> {
  const customerIds = await customersAt(dataSource, tenantIds, address);
  if (customerIds.length === 0) return { customerIds, lanes: [] };
  const lanes = await dataSource
    .getRepository(Lane)
    .createQueryBuilder('l')
    .select('l.id', 'id')
    .innerJoin(Thread, 't', 't.id = l.threadId')
    .where('t.customerId in (:...customerIds)', { customerIds })
    .getRawMany<{ id: string }>();
  return { customerIds, lanes: lanes.map(({ id }) => id) };
}
