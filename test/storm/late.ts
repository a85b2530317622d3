import type { System } from '../support/system.js';

/** How long an attempt may take, and how long after its end its effect may still show. */
export interface Limits {
  sendTimeoutMs: number;
  settleMs: number;
}

interface AttemptTimes {
  text: string;
  startedMs: number;
  endedMs: number | null;
}

/**
 * Texts that a provider took once more later than the settle time after an attempt's connection had ended, and how often. No look-up can
 * foresee those, and I2 says so: it holds for networks that deliver no byte so late. Here the network is this machine, and the provider a
 * process of it that may be kept from its work.
 */
export async function takenLate(system: System, limits: Limits): Promise<Map<string, number>> {
  const { rows } = await system.pool.query<AttemptTimes>(
    `select m.content ->> 'text' as text, (extract(epoch from a.started_at) * 1000)::float8 as "startedMs",
       (extract(epoch from a.ended_at) * 1000)::float8 as "endedMs"
     from attempts a join messages m on m.id = a.message_id where a.kind = 'send' order by a.id`,
  );
  const attempts = Map.groupBy(rows, ({ text }) => text);
  const taken = Map.groupBy(
    [
      ...system.twilio.log.flatMap(({ at, ...entry }) =>
        entry.kind === 'message' ? [{ text: entry.body, atMs: Date.parse(at) }] : [],
      ),
      ...system.desk.log.flatMap(({ at, ...entry }) =>
        entry.kind === 'message' ? [{ text: entry.text, atMs: Date.parse(at) }] : [],
      ),
    ],
    ({ text }) => text,
  );
  const late = new Map<string, number>();
  for (const [text, times] of taken) {
    const n = unexplained(
      times.map(({ atMs }) => atMs),
      attempts.get(text) ?? [],
      limits,
    );
    // Late and once is no double: the look-up found it all the same.
    if (n > 0 && times.length > 1) late.set(text, Math.min(n, times.length - 1));
  }
  return late;
}

/** How many acceptances lie within the time of no attempt; each attempt explains one. */
export function unexplained(
  takenAtMs: readonly number[],
  attempts: readonly Omit<AttemptTimes, 'text'>[],
  { sendTimeoutMs, settleMs }: Limits,
): number {
  const left = takenAtMs.toSorted((a, b) => a - b);
  for (const { startedMs, endedMs } of attempts) {
    const endMs = Math.min(endedMs ?? Infinity, startedMs + sendTimeoutMs);
    // The log knows whole milliseconds.
    const index = left.findIndex((atMs) => atMs >= Math.floor(startedMs) && atMs <= endMs + settleMs);
    if (index >= 0) left.splice(index, 1);
  }
  return left.length;
}
