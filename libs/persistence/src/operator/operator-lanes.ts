import type { Direction, HoldReason, WakeUps } from '#core';
import type { OperatorDatabase } from './operator-database.js';
import { pageOf, type Page, type PageRequest } from './page.js';

export interface LaneFilter {
  threadId?: string;
  /** Paused, or its head is held. */
  blocked?: boolean;
}

/** A lane and what stands at its head. */
export interface ShownLane {
  id: string;
  threadId: string;
  direction: Direction;
  blocked: boolean;
  pausedAt: Date | null;
  failures: number;
  notBefore: Date | null;
  waiting: number;
  head: { messageId: string; seq: number; delivery: string; reason: string | null } | null;
}

const COLUMNS = `l.id, l.thread_id as "threadId", l.direction, l.paused_at as "pausedAt", l.failures,
  l.not_before as "notBefore", l.paused_at is not null or coalesce(h.state = 'held', false) as blocked,
  (select count(*)::int from lane_items i where i.lane_id = l.id) as waiting,
  case when h.seq is not null then json_build_object('messageId', h.message_id, 'seq', h.seq, 'delivery', h.state,
    'reason', h.reason) end as head`;

const HEAD = `left join lateral (select * from lane_items i where i.lane_id = l.id order by i.seq limit 1) h on true`;

/** Holds that an operator ends by resuming the lane; the others end by what they wait for. */
const RESUMABLE_REASONS: HoldReason[] = ['uncertain', 'reopening-limit', 'configuration', 'credentials'];

/** Lanes, as operators see, pause and resume them. */
export class OperatorLanes {
  constructor(
    private readonly database: OperatorDatabase,
    private readonly wakeUps: WakeUps,
  ) {}

  /** The newest first. */
  async list(filter: LaneFilter, page: PageRequest): Promise<Page<ShownLane>> {
    const dataSource = await this.database.connect();
    const rows = await dataSource.query<ShownLane[]>(
      `select ${COLUMNS} from lanes l ${HEAD}
       where l.tenant_id = $1 and ($2::uuid is null or l.thread_id = $2) and ($3::uuid is null or l.id < $3)
         and ($4::boolean is null or (l.paused_at is not null or coalesce(h.state = 'held', false)) = $4)
       order by l.id desc limit $5`,
      [
        this.database.tenantId,
        filter.threadId ?? null,
        page.after ?? null,
        filter.blocked ?? null,
        page.limit + 1,
      ],
    );
    return pageOf(rows, page.limit);
  }

  /** Nothing more is taken from a paused lane; a delivery that is under way ends. Pausing twice is pausing once. */
  pause(id: string): Promise<ShownLane | undefined> {
    return this.change(id, 'paused_at = coalesce(paused_at, clock_timestamp())');
  }

  /** Takes the lane up again, now: a back-off ends, and so does what holds its head where only an operator can tell. */
  async resume(id: string): Promise<ShownLane | undefined> {
    await this.releaseHead(id);
    const lane = await this.change(id, 'paused_at = null, not_before = null, waiting_for = null');
    if (lane) this.wakeUps.wake([{ laneId: lane.id, direction: lane.direction }]);
    return lane;
  }

  private async releaseHead(laneId: string): Promise<void> {
    const dataSource = await this.database.connect();
    await dataSource.query(
      `with lane as materialized (select id from lanes where id = $1 and tenant_id = $2 for update),
       item as (
         update lane_items i set state = 'open', reason = null from lane
         where i.lane_id = lane.id and i.state = 'held' and i.reason = any ($3::text[])
           and not exists (select from lane_items e where e.lane_id = i.lane_id and e.seq < i.seq)
         returning i.message_id
       )
       update messages m set delivery = 'open', reason = null from item where m.id = item.message_id`,
      [laneId, this.database.tenantId, RESUMABLE_REASONS],
    );
  }

  private async change(id: string, what: string): Promise<ShownLane | undefined> {
    const dataSource = await this.database.connect();
    await dataSource.query(`update lanes set ${what} where id = $1 and tenant_id = $2`, [
      id,
      this.database.tenantId,
    ]);
    const rows = await dataSource.query<ShownLane[]>(
      `select ${COLUMNS} from lanes l ${HEAD} where l.id = $1 and l.tenant_id = $2`,
      [id, this.database.tenantId],
    );
    return rows[0];
  }
}
