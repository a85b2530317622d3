import type { System } from '../support/system.js';

/** How long an attempt may take, and how long after its end its effect may still show. */
export interface Limits {
  sendTimeoutMs: number;
  settleMs: number;
}

export interface Attempt {
  startedMs: number;
  endedMs: number | null;
  outcome: string;
  code: string | null;
}

/** One text: what was tried, and when a provider took it; epoch milliseconds by the one clock of this machine. */
export interface History {
  text: string;
  marked: boolean;
  attempts: Attempt[];
  takenMs: number[];
}

export async function readHistories(system: System): Promise<History[]> {
  const { rows } = await system.pool.query<Omit<History, 'takenMs'>>(
    `select m.content ->> 'text' as text, m.possible_duplicate as marked,
       json_agg(json_build_object('startedMs', extract(epoch from a.started_at) * 1000,
         'endedMs', extract(epoch from a.ended_at) * 1000, 'outcome', a.outcome, 'code', a.error_code) order by a.id) as attempts
     from messages m join attempts a on a.message_id = m.id and a.kind = 'send' group by m.id`,
  );
  const taken = [
    ...system.twilio.log.map((entry) => ({ at: entry.at, text: entry.kind === 'message' ? entry.body : '' })),
    ...system.desk.log.map((entry) => ({ at: entry.at, text: entry.kind === 'message' ? entry.text : '' })),
  ];
  const byText = Map.groupBy(taken, ({ text }) => text);
  return rows.map((row) => ({
    ...row,
    takenMs: (byText.get(row.text) ?? []).map(({ at }) => Date.parse(at)).sort((a, b) => a - b),
  }));
}

/**
 * How often a provider took a text once more later than the settle time after an attempt's connection had ended. No look-up can foresee
 * that, and I2 says so: it holds for networks that deliver no byte so late. Here the network is this machine, and the provider a process
 * of it that may be kept from its work. Late and once is no double: the look-up found it all the same.
 */
export function takenLate(
  { takenMs, attempts }: Pick<History, 'takenMs' | 'attempts'>,
  { sendTimeoutMs, settleMs }: Limits,
): number {
  const left = [...takenMs];
  for (const { startedMs, endedMs } of attempts) {
    const endMs = Math.min(endedMs ?? Infinity, startedMs + sendTimeoutMs);
    // The log knows whole milliseconds.
    const index = left.findIndex((atMs) => atMs >= Math.floor(startedMs) && atMs <= endMs + settleMs);
    if (index >= 0) left.splice(index, 1);
  }
  return Math.min(left.length, Math.max(0, takenMs.length - 1));
}

/** For a reader who wants to know how a text came to be doubled or marked: milliseconds since its first attempt. */
export function tell({ text, marked, attempts, takenMs }: History): string {
  const since = (ms: number) => Math.round(ms - (attempts[0]?.startedMs ?? 0));
  const tries = attempts.map(
    ({ startedMs, endedMs, outcome, code }) =>
      `${since(startedMs)} to ${endedMs === null ? '?' : since(endedMs)} ${outcome}${code === null ? '' : ` ${code}`}`,
  );
  return `"${text}"${marked ? ', marked' : ''}, tried ${tries.join(', ')}; taken at ${takenMs.map(since).join(', ')}`;
}
