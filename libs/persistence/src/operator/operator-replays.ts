import type { DataSource, SelectQueryBuilder } from 'typeorm';
import type { Direction, WakeUp, WakeUps } from '#core';
import type { Delivery, Message } from '../entities/message.js';
import { filteredMessages, lanesAt, type MessageFilter } from './message-filter.js';
import { actorValues, recordAct, type Actor } from './operator-audit.js';
import type { OperatorDatabase } from './operator-database.js';

/** What is not at its end in a good way, and can be replayed. */
export const REPLAYABLE = ['failed', 'held'] as const;

export type ReplayFilter = Omit<MessageFilter, 'delivery' | 'possibleDuplicate'> & {
  delivery?: (typeof REPLAYABLE)[number];
};

/** What a filter matches, by delivery and reason, the most frequent first. */
export interface ReplayMatches {
  matched: number;
  reasons: { delivery: Delivery; reason: string | null; count: number }[];
}

/** What became of one act on one message: `refused` with the delivery that stood in its way. */
export type ActOutcome =
  'done' | 'done-already' | 'unknown' | { refused: 'delivery' | 'lane-taken'; delivery: Delivery };

/** Messages of one transaction: their lanes are locked so long, and customers' texts wait for that. */
const BATCH = 200;
/** Messages of one call. Whoever has more calls again: what was replayed is not matched any more. */
const MAX_REPLAYED = 10_000;
/** Lanes woken per second. */
const WAKE_RATE = 200;

interface ActRow {
  outcome:
    | 'replayed'
    | 'discarded'
    | 'discarded-already'
    | 'unknown'
    | 'not-replayable'
    | 'under-way'
    | 'lane-taken';
  delivery: Delivery;
  lane_id: string;
  direction: Direction;
}

type TenantCount = ReplayMatches['reasons'][number] & { tenantId: string };

interface Selection {
  query: SelectQueryBuilder<Message>;
  /** The filter as the audit log may hold it. */
  logged: Record<string, unknown>;
}

/** Failed and held messages, as operators send them once more or give them up. */
export class OperatorReplays {
  constructor(
    private readonly database: OperatorDatabase,
    private readonly wakeUps: WakeUps,
  ) {}

  replay(id: string, allParts: boolean, by: Actor): Promise<ActOutcome> {
    return this.act('select * from replay_message($1, $2, $3, $4, $5)', id, [allParts, ...actorValues(by)]);
  }

  /** It fails for good and leaves its lane, which goes on. */
  discard(id: string, by: Actor): Promise<ActOutcome> {
    return this.act('select * from discard_message($1, $2, $3, $4)', id, actorValues(by));
  }

  /** What a replay by this filter would replay. */
  async matches(filter: ReplayFilter): Promise<ReplayMatches> {
    return summary(await this.count(filter));
  }

  /** Replays what the filter matches now, at most {@link MAX_REPLAYED}, each lane in its order. */
  async replayAll(filter: ReplayFilter, by: Actor): Promise<ReplayMatches & { replayed: number }> {
    const counts = await this.count(filter);
    const byTenant = Map.groupBy(counts, ({ tenantId }) => tenantId);
    // What matches nothing was asked for, too.
    const [first] = this.database.among(filter.tenantId);
    if (byTenant.size === 0 && first !== undefined) byTenant.set(first, []);
    const done = { replayed: 0, woken: 0 };
    for (const [tenantId, own] of byTenant) {
      await this.replayOf({ ...filter, tenantId }, { matched: summary(own).matched, done, by });
    }
    return { ...summary(counts), replayed: done.replayed };
  }

  /** Those of one tenant, with a line of the log. */
  private async replayOf(
    filter: ReplayFilter & { tenantId: string },
    { matched, done, by }: { matched: number; done: { replayed: number; woken: number }; by: Actor },
  ): Promise<void> {
    const dataSource = await this.database.connect();
    const { query, logged } = await this.selected(dataSource, filter);
    const found = await query
      .orderBy('m.laneId')
      .addOrderBy('m.seq')
      .limit(MAX_REPLAYED - done.replayed)
      .getRawMany<{ id: string }>();
    // Before the first batch, so that none is without it; each batch adds its count.
    const auditId = await recordAct(
      dataSource.manager,
      filter.tenantId,
      by,
      'messages.replay',
      { kind: 'messages' },
      { filter: logged, matched, replayed: 0 },
    );
    for (let at = 0; at < found.length; at += BATCH) {
      const rows = await dataSource.query<{ lane_id: string; direction: Direction; replayed: number }[]>(
        'select * from replay_messages($1, $2)',
        [found.slice(at, at + BATCH).map(({ id }) => id), auditId],
      );
      done.replayed += rows.reduce((sum, row) => sum + row.replayed, 0);
      this.wakeUps.wake(
        rows.map(({ lane_id, direction }, n) => delayed({ laneId: lane_id, direction }, done.woken + n)),
      );
      done.woken += rows.length;
    }
  }

  private async act(statement: string, id: string, values: unknown[]): Promise<ActOutcome> {
    const tenantId = await this.database.tenantOf('messages', id);
    if (tenantId === undefined) return 'unknown';
    const dataSource = await this.database.connect();
    const [row] = await dataSource.query<ActRow[]>(statement, [tenantId, id, ...values]);
    switch (row?.outcome) {
      case 'replayed':
      case 'discarded':
        this.wakeUps.wake([{ laneId: row.lane_id, direction: row.direction }]);
        return 'done';
      case 'discarded-already':
        return 'done-already';
      case 'not-replayable':
      case 'under-way':
        return { refused: 'delivery', delivery: row.delivery };
      case 'lane-taken':
        return { refused: 'lane-taken', delivery: row.delivery };
      default:
        return 'unknown';
    }
  }

  private async count(filter: ReplayFilter): Promise<TenantCount[]> {
    const { query } = await this.selected(await this.database.connect(), filter);
    return query
      .select('m.tenantId', 'tenantId')
      .addSelect('m.delivery', 'delivery')
      .addSelect('m.reason', 'reason')
      .addSelect('count(*)::int', 'count')
      .groupBy('m.tenantId')
      .addGroupBy('m.delivery')
      .addGroupBy('m.reason')
      .orderBy('count(*)', 'DESC')
      .addOrderBy('m.delivery')
      .addOrderBy('m.reason')
      .getRawMany<TenantCount>();
  }

  /** What may double and what an operator has given up is selected only by its reason's name. */
  private async selected(dataSource: DataSource, { address, ...filter }: ReplayFilter): Promise<Selection> {
    const tenantIds = this.database.among(filter.tenantId);
    const query = filteredMessages(dataSource, tenantIds, filter).andWhere(
      `m.delivery in ('failed', 'held')`,
    );
    if (filter.reason === undefined) {
      query.andWhere(`(m.reason is null or m.reason not in ('discarded', 'uncertain'))`);
    }
    // Of a line in the log, its tenant is known.
    const { tenantId: _, ...rest } = filter;
    if (address === undefined) return { query, logged: rest };
    const { lanes, customerIds } = await lanesAt(dataSource, tenantIds, address);
    // The address of a customer is theirs; the log knows them by their id.
    const logged = { ...rest, customerId: customerIds[0] ?? null };
    return { query: query.andWhere('m.laneId = any (:lanes)', { lanes }), logged };
  }
}

/** Of all tenants together. */
function summary(counts: TenantCount[]): ReplayMatches {
  const reasons = [
    ...Map.groupBy(counts, ({ delivery, reason }) => `${delivery} ${reason}`).values(),
  ].flatMap((same) => {
    const [first] = same;
    if (!first) return [];
    const { delivery, reason } = first;
    return [{ delivery, reason, count: same.reduce((sum, { count }) => sum + count, 0) }];
  });
  const matched = reasons.reduce((sum, { count }) => sum + count, 0);
  return { matched, reasons: reasons.toSorted((a, b) => b.count - a.count) };
}

/** A second's share at once, the rest in the seconds after: providers have their own pace. */
function delayed(wakeUp: WakeUp, n: number): WakeUp {
  const delayMs = Math.floor(n / WAKE_RATE) * 1_000;
  return delayMs > 0 ? { ...wakeUp, delayMs } : wakeUp;
}
