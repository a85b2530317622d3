import type { Direction, WakeUp } from '#core';
import type { Pool } from '../database.js';

/** A worker that has said nothing for so long is gone, and its part is the others'. */
export const WORKER_GONE_MS = 5_000;
/** A longer row of lanes is pulled forward in several statements, so that none holds many locks for long. */
const LANES_AT_ONCE = 1_000;

/** One provider as the workers have agreed on it, for one tenant. Times by the database's clock, from its answer on. */
export interface ProviderState {
  tenantId: string;
  provider: string;
  /** Since when it refuses our credentials. */
  pausedAgoMs?: number;
  recoveredAgoMs?: number;
  nextProbeInMs: number;
}

/** What a worker hears when it says that it lives. */
export interface Beat {
  /** Workers that live, with this one, and how many of them stand before it. */
  live: number;
  rank: number;
  providers: ProviderState[];
}

interface BeatRow {
  live: number;
  rank: number;
  providers: {
    tenantId: string;
    provider: string;
    pausedAgoMs: number | null;
    recoveredAgoMs: number | null;
    nextProbeInMs: number;
  }[];
}

interface PulledRow {
  lane_id: string;
  direction: Direction;
  delay_ms: number;
}

/** What workers share about providers: who lives, which credentials are refused, whose turn it is to probe. */
export class ProviderStates {
  constructor(private readonly pool: Pool) {}

  async beat(workerId: string): Promise<Beat> {
    const { rows } = await this.pool.query<BeatRow>({
      name: 'worker-beat',
      text: `
        with me as (
          insert into workers (id, seen_at) values ($1, clock_timestamp())
          on conflict (id) do update set seen_at = excluded.seen_at returning id
        ), gone as (
          delete from workers where seen_at < clock_timestamp() - interval '1 minute' and id <> $1
        ), live as (
          select id from workers where seen_at > clock_timestamp() - $2 * interval '1 ms' union select id from me
        )
        select (select count(*)::int from live) as live, (select count(*)::int from live where id < $1) as rank,
          (select coalesce(json_agg(json_build_object('tenantId', tenant_id, 'provider', provider,
            'pausedAgoMs', extract(epoch from clock_timestamp() - paused_at) * 1000,
            'recoveredAgoMs', extract(epoch from clock_timestamp() - recovered_at) * 1000,
            'nextProbeInMs', extract(epoch from next_probe_at - clock_timestamp()) * 1000)), '[]')
            from provider_states) as providers`,
      values: [workerId, WORKER_GONE_MS],
    });
    const { live = 1, rank = 0, providers = [] } = rows[0] ?? {};
    return {
      live,
      rank,
      providers: providers.map(({ pausedAgoMs, recoveredAgoMs, ...rest }) => ({
        ...rest,
        ...(pausedAgoMs !== null && { pausedAgoMs }),
        ...(recoveredAgoMs !== null && { recoveredAgoMs }),
      })),
    };
  }

  async leave(workerId: string): Promise<void> {
    await this.pool.query('delete from workers where id = $1', [workerId]);
  }

  /** Nobody calls it any more but for probing. True for the one worker that said so first. */
  async pause(tenantId: string, provider: string, probeInMs: number): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      `insert into provider_states as s (tenant_id, provider, paused_at, next_probe_at)
       values ($1, $2, clock_timestamp(), clock_timestamp() + $3 * interval '1 ms')
       on conflict (tenant_id, provider) do update
         set paused_at = excluded.paused_at, next_probe_at = excluded.next_probe_at
         where s.paused_at is null`,
      [tenantId, provider, probeInMs],
    );
    return rowCount === 1;
  }

  /** It takes calls again: the pause ends, and breakers that opened before close. */
  async recovered(tenantId: string, provider: string): Promise<void> {
    await this.pool.query(
      `insert into provider_states (tenant_id, provider, recovered_at) values ($1, $2, clock_timestamp())
       on conflict (tenant_id, provider) do update set recovered_at = excluded.recovered_at, paused_at = null`,
      [tenantId, provider],
    );
  }

  /** Makes this worker the one that probes, for `leaseMs`, if a probe is due and nobody else is at it. */
  async takeProbe(tenantId: string, provider: string, leaseMs: number): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      `insert into provider_states as s (tenant_id, provider, next_probe_at)
       values ($1, $2, clock_timestamp() + $3 * interval '1 ms')
       on conflict (tenant_id, provider) do update set next_probe_at = excluded.next_probe_at
         where s.next_probe_at <= clock_timestamp()`,
      [tenantId, provider, leaseMs],
    );
    return rowCount === 1;
  }

  /** The next probe comes after `ms`. */
  async probeIn(tenantId: string, provider: string, ms: number): Promise<void> {
    await this.pool.query(
      `update provider_states set next_probe_at = clock_timestamp() + $3 * interval '1 ms'
       where tenant_id = $1 and provider = $2`,
      [tenantId, provider, ms],
    );
  }

  /** Lets lanes that wait for a provider go on within `spreadMs`, at most `limit`, and answers when each does. */
  async pullForward(
    tenantId: string,
    provider: string,
    spreadMs: number,
    limit = Infinity,
  ): Promise<WakeUp[]> {
    const wakeUps: WakeUp[] = [];
    for (;;) {
      const atOnce = Math.min(LANES_AT_ONCE, limit - wakeUps.length);
      const { rows } = await this.pool.query<PulledRow>({
        name: 'pull-forward',
        text: 'select * from pull_forward($1, $2, $3, $4)',
        values: [tenantId, provider, spreadMs, atOnce],
      });
      for (const row of rows)
        wakeUps.push({ laneId: row.lane_id, direction: row.direction, delayMs: row.delay_ms });
      if (rows.length < atOnce || wakeUps.length >= limit) return wakeUps;
    }
  }
}
