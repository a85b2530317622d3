/** Seconds between tries at one head; the last one repeats. */
const SCHEDULE_S = [1, 2, 4, 8, 15, 30, 60, 120];
const RETRY_AFTER_MIN_MS = 1_000;
const RETRY_AFTER_MAX_MS = 30_000;

/**
 * How long a lane waits after its `failures`-th failure in a row (1 = the first): full jitter over the schedule, so that
 * lanes that failed together do not come back together; the provider's `Retry-After`, clamped, wins. Milliseconds.
 */
export function backOffMs(failures: number, retryAfterMs: number | undefined, random: () => number): number {
  if (retryAfterMs !== undefined && !Number.isNaN(retryAfterMs)) {
    return Math.round(Math.min(RETRY_AFTER_MAX_MS, Math.max(RETRY_AFTER_MIN_MS, retryAfterMs)));
  }
  const index = Math.min(Math.max(1, failures), SCHEDULE_S.length) - 1;
  return Math.round(random() * (SCHEDULE_S[index] ?? 120) * 1000);
}
