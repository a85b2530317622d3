import type { Direction, HoldReason, WakeUps } from '#core';
import { actorValues, type Actor } from './operator-audit.js';
import type { OperatorDatabase } from './operator-database.js';
import { pageOf, type Page, type PageRequest } from './page.js';

export interface LaneFilter {
  tenantId?: string;
  threadId?: string;
  /** Paused, or its head is held. */
  blocked?: boolean;
}

/** A lane and what stands at its head. */
export interface ShownLane {
  id: string;
  tenantId: string;
  threadId: string;
  direction: Direction;
  blocked: boolean;
  pausedAt: Date | null;
  failures: number;
  notBefore: Date | null;
  waiting: number;
  head: { messageId: string; seq: number; delivery: string; reason: string | null } | null;
}

const COLUMNS = `l.id, l.tenant_id as "tenantId", l.thread_id as "threadId", l.direction, l.paused_at as "pausedAt", l.failures,
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
       where l.tenant_id = any ($1::text[]) and ($2::uuid is null or l.thread_id = $2) and ($3::uuid is null or l.id < $3)
         and ($4::boolean is null or (l.paused_at is not null or coalesce(h.state = 'held', false)) = $4)
       order by l.id desc limit $5`,
      [
        this.database.among(filter.tenantId),
        filter.threadId ?? null,
        page.after ?? null,
        filter.blocked ?? null,
        page.limit + 1,
      ],
    );
    return pageOf(rows, page.limit);
  }

  /** Nothing more is taken from a paused lane; a delivery that is under way ends. Pausing twice is pausing once. */
  async pause(id: string, by: Actor): Promise<ShownLane | undefined> {
    const dataSource = await this.database.connect();
    const tenantId = await this.database.tenantOf('lanes', id);
    if (tenantId === undefined) return undefined;
    await dataSource.query('select pause_lane($1, $2, $3, $4)', [tenantId, id, ...actorValues(by)]);
    return this.get(id);
  }

  /** Takes the lane up again, now: a back-off ends, and so does what holds its head where only an operator can tell. */
  async resume(id: string, by: Actor): Promise<ShownLane | undefined> {
    const dataSource = await this.database.connect();
    const tenantId = await this.database.tenantOf('lanes', id);
    if (tenantId === undefined) return undefined;
    await dataSource.query('select resume_lane($1, $2, $3, $4, $5)', [
      tenantId,
      id,
      RESUMABLE_REASONS,
      ...actorValues(by),
    ]);
    const lane = await this.get(id);
    if (lane) this.wakeUps.wake([{ laneId: lane.id, direction: lane.direction }]);
    return lane;
  }

  private async get(id: string): Promise<ShownLane | undefined> {
    const dataSource = await this.database.connect();
    const rows = await dataSource.query<ShownLane[]>(
      `select ${COLUMNS} from lanes l ${HEAD} where l.id = $1 and l.tenant_id = any ($2::text[])`,
      [id, this.database.tenantIds],
    );
    return rows[0];
  }
}
