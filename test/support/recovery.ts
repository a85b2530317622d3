import type { Pool } from '#persistence';
import { sleep } from './accepting.js';

/** A lane that a worker held when it was killed. */
export interface Takeover {
  laneId: string;
  /** From the kill to another worker's claim; undefined when none came. */
  tookMs: number | undefined;
}

/** I8: what a killed worker held moves again within its lease, a sweep and two seconds. */
export function leftBehindBy(
  takeovers: readonly Takeover[],
  times: { leaseMs: number; sweepMs: number },
): string[] {
  const boundMs = times.leaseMs + times.sweepMs + 2_000;
  return takeovers
    .filter(({ tookMs }) => tookMs === undefined || tookMs > boundMs)
    .map(
      ({ laneId, tookMs }) =>
        `I8: lane ${laneId} was taken over after ${tookMs ?? 'never'} ms, not ${boundMs}`,
    );
}

/** Lanes under a lease at this moment, by their fences. */
export async function heldLanes(pool: Pool): Promise<Map<string, number>> {
  const { rows } = await pool.query<{ id: string; fence: number }>(
    'select id, fence from lanes where lease_until > clock_timestamp()',
  );
  return new Map(rows.map(({ id, fence }) => [id, fence]));
}

/** When each of these lanes was claimed anew, counted from now on. */
export async function takeovers(
  pool: Pool,
  held: Map<string, number>,
  timeoutMs: number,
): Promise<Takeover[]> {
  const startedAt = performance.now();
  const took = new Map<string, number>();
  while (took.size < held.size && performance.now() < startedAt + timeoutMs) {
    const { rows } = await pool.query<{ id: string; fence: number }>(
      'select id, fence from lanes where id = any ($1)',
      [[...held.keys()]],
    );
    const now = Math.round(performance.now() - startedAt);
    for (const { id, fence } of rows) if (fence > (held.get(id) ?? 0) && !took.has(id)) took.set(id, now);
    await sleep(25);
  }
  return [...held.keys()].map((laneId) => ({ laneId, tookMs: took.get(laneId) }));
}
