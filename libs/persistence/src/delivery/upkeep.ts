import type { WakeUp } from '#core';
import type { Pool } from '../database.js';
import { releaseHeld } from '../operator/release-held.js';

interface LaneRow {
  lane_id: string;
}

// Conversations that an agent has, and in which nothing of the customer's waits: since when neither has written, and whether the
// customer was told that it will be closed. Who waits in a queue is not silent, and who was just answered has their time again.
const SILENT = `
  select c.id, c.thread_id, n.minutes, n.warn_minutes, silence.since, silence.warning,
    (select d.created_at from threads own join texts_due d on d.thread_id in (own.id, own.continues_in)
      where own.id = c.thread_id and d.kind = 'silent' and d.key = silence.warning limit 1) as warned_at
  from (
    select id, (settings ->> 'customerSilentMinutes')::int as minutes,
      case when settings -> 'texts' ? 'silent' then (settings -> 'closing' ->> 'warnMinutes')::int end as warn_minutes
    from business_numbers where settings ? 'customerSilentMinutes'
  ) n
  join conversations c on c.number_id = n.id and c.state = 'active' and c.desk_conversation_id is not null
    and c.close_due_at is null and c.ends_after is null
  cross join lateral (
    select greatest(c.opened_at, c.active_at, (
      select m.accepted_at from messages m where m.conversation_id = c.id and m.author_type <> 'bot' order by m.id desc limit 1)
    ) as since
  ) said
  cross join lateral (
    select said.since, concat_ws(':', c.id, (extract(epoch from said.since) * 1000)::bigint) as warning
  ) silence
  where not exists (
    select from lanes l join lane_items i on i.lane_id = l.id
    where (l.thread_id = c.thread_id or l.continues_in = c.thread_id) and l.direction = 'inbound')`;

/** What workers look for at intervals: lanes nobody works on, conversations to close, desk conversations to end. */
export class Upkeep {
  constructor(private readonly pool: Pool) {}

  /** Lanes with work that nobody holds and nothing delays, at most `limit`; from head to head, however long lanes are. */
  async dueLanes(limit: number): Promise<WakeUp[]> {
    await this.pool.query('select end_following()');
    const { rows } = await this.pool.query<{ id: string; direction: WakeUp['direction'] }>({
      name: 'due-lanes',
      text: `
        with recursive head as (
          (select lane_id, state, reason from lane_items order by lane_id, seq limit 1)
          union all
          select n.* from head h cross join lateral (
            select lane_id, state, reason from lane_items where lane_id > h.lane_id order by lane_id, seq limit 1) n
        )
        select l.id, l.direction
        from head join lanes l on l.id = head.lane_id
        where (head.state <> 'held' or head.reason in ('credentials', 'configuration')
            or head.reason = 'window' and exists (select from lane_items n where n.lane_id = head.lane_id
              and (n.state <> 'held' or n.reason in ('credentials', 'configuration'))))
          and l.paused_at is null
          and l.follows_since is null
          and (l.lease_until is null or l.lease_until <= clock_timestamp())
          and (l.not_before is null or l.not_before <= clock_timestamp())
        limit $1`,
      values: [limit],
    });
    return rows.map((row) => ({ laneId: row.id, direction: row.direction }));
  }

  /** Moves parked messages that a binding missed. */
  async sweepParked(): Promise<WakeUp[]> {
    const { rows } = await this.pool.query<{ lane_id: string }>('select * from sweep_parked()');
    return rows.map((row) => ({ laneId: row.lane_id, direction: 'outbound' }));
  }

  /** Opens what waits for a customer who has written in the thread that theirs goes on in. */
  async openMergedWindows(): Promise<WakeUp[]> {
    const { rows } = await this.pool.query<{ lane_id: string }>('select * from open_merged_windows()');
    return rows.map((row) => ({ laneId: row.lane_id, direction: 'outbound' }));
  }

  /** Closes conversations whose grace after the last agent's leaving is over. */
  async closeDue(): Promise<WakeUp[]> {
    const { rows } = await this.pool.query<{ id: string }>(
      'select id from conversations where close_due_at <= clock_timestamp() order by id limit 200',
    );
    return this.close(
      rows.map((row) => row.id),
      'agent-left',
      true,
      false,
    );
  }

  /** Closes conversations that their customer has ended with a message which is at its end. */
  async closeEnded(): Promise<WakeUp[]> {
    const { rows } = await this.pool.query<{ id: string }>(
      `select id from conversations where ends_after is not null and state <> 'closed' order by id limit 200`,
    );
    return this.each(
      rows.map((row) => row.id),
      (id) => this.pool.query<LaneRow>('select * from end_conversation($1)', [id]),
    );
  }

  /** Takes down that customers are told before {@link closeSilent} closes their conversation, once in each silence. */
  async warnSilent(): Promise<void> {
    await this.pool.query(
      `select tell_customer(s.thread_id, s.id, 'silent', s.warning, jsonb_build_object('minutes', s.warn_minutes::text))
       from (${SILENT}) s
       where s.warn_minutes is not null and s.warned_at is null
         and s.since < clock_timestamp() - make_interval(mins => s.minutes - s.warn_minutes)
       limit 200`,
    );
  }

  /** Closes conversations whose customer has been silent for as long as their number allows, and was told so in time. */
  async closeSilent(): Promise<WakeUp[]> {
    const { rows } = await this.pool.query<{ id: string }>(
      `select s.id from (${SILENT}) s
       where s.since < clock_timestamp() - make_interval(mins => s.minutes)
         and (s.warn_minutes is null
           or s.warned_at < clock_timestamp() - make_interval(mins => s.warn_minutes))
       order by s.id limit 200`,
    );
    return this.close(
      rows.map((row) => row.id),
      'customer-silent',
      false,
      true,
    );
  }

  /** Takes desk conversations that are to be ended, each for `leaseMs` and with a growing pause between tries. */
  async takeEndings(leaseMs: number): Promise<{ tenantId: string; id: string }[]> {
    const { rows } = await this.pool.query<{ tenant_id: string; id: string }>(
      `update desk_conversations d set end_tries = end_tries + 1,
         end_not_before = clock_timestamp() + greatest($1::float8, least(300000, 1000 * 2 ^ least(end_tries, 10)))
           * interval '1 ms'
       where (d.tenant_id, d.id) in (
         select tenant_id, id from desk_conversations
         where end_wanted_at is not null and ended_at is null
           and (end_not_before is null or end_not_before <= clock_timestamp())
         order by tenant_id, id limit 20 for update skip locked)
       returning d.tenant_id, d.id`,
      [leaseMs],
    );
    return rows.map((row) => ({ tenantId: row.tenant_id, id: row.id }));
  }

  async ended(tenantId: string, id: string): Promise<void> {
    await this.pool.query(
      'update desk_conversations set ended_at = clock_timestamp() where tenant_id = $1 and id = $2',
      [tenantId, id],
    );
  }

  /** Makes next months' partitions. */
  async ensurePartitions(): Promise<void> {
    await this.pool.query('select ensure_partitions(3)');
  }

  /** Holds a duty for `leaseMs` if nobody else does; harmless when doubled, so its end needs no fence check. */
  async takeDuty(name: string, leaseMs: number): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      `insert into duties as d (name, fence, lease_until) values ($1, 1, clock_timestamp() + $2 * interval '1 ms')
       on conflict (name) do update set fence = d.fence + 1, lease_until = excluded.lease_until
         where d.lease_until <= clock_timestamp()`,
      [name, leaseMs],
    );
    return rowCount === 1;
  }

  /** Opens what was held for want of configuration while its number was being configured. */
  releaseConfigured(): Promise<WakeUp[]> {
    return releaseHeld(
      async (text, values) =>
        (await this.pool.query<{ id: string; direction: WakeUp['direction'] }>(text, values)).rows,
      ['unconfigured'],
    );
  }

  /** Figures for the operator: items by state, and lanes whose head is held. */
  async backlog(): Promise<{
    items: { state: string; n: number }[];
    blocked: { direction: WakeUp['direction']; reason: string; n: number }[];
  }> {
    const items = await this.pool.query<{ state: string; n: number }>(
      'select state, count(*)::int as n from lane_items group by state',
    );
    const blocked = await this.pool.query<{ direction: WakeUp['direction']; reason: string; n: number }>(
      `select l.direction, coalesce(i.reason, 'unknown') as reason, count(*)::int as n
       from lane_items i join lanes l on l.id = i.lane_id
       where i.state = 'held' and not exists (
         select from lane_items earlier where earlier.lane_id = i.lane_id and earlier.seq < i.seq)
       group by 1, 2`,
    );
    return { items: items.rows, blocked: blocked.rows };
  }

  private close(ids: string[], reason: string, onlyWhenDue: boolean, endAtDesk: boolean): Promise<WakeUp[]> {
    return this.each(ids, (id) =>
      this.pool.query<LaneRow>('select * from close_conversation($1, $2, $3, $4)', [
        id,
        reason,
        onlyWhenDue,
        endAtDesk,
      ]),
    );
  }

  /** One that is locked must not keep the others open: it comes again with the next round. */
  private async each(ids: string[], close: (id: string) => Promise<{ rows: LaneRow[] }>): Promise<WakeUp[]> {
    const wakeUps: WakeUp[] = [];
    let failure: unknown;
    for (const id of ids) {
      try {
        const { rows } = await close(id);
        wakeUps.push(...rows.map((row) => ({ laneId: row.lane_id, direction: 'inbound' as const })));
      } catch (error) {
        failure = error;
      }
    }
    if (failure !== undefined && wakeUps.length === 0) throw failure;
    return wakeUps;
  }
}
