export interface RetrySchedule {
  /** Longest pause after the first, second, … failure in a row; the last one repeats. */
  pausesMs: readonly number[];
  /** Between these a provider's `Retry-After` is honoured. */
  retryAfterMinMs: number;
  retryAfterMaxMs: number;
}

/**
 * How long a lane waits after its `failures`-th failure in a row (1 = the first): full jitter over the schedule, so that
 * lanes that failed together do not come back together; the provider's `Retry-After`, clamped, wins. Milliseconds.
 */
export function backOffMs(
  { pausesMs, retryAfterMinMs, retryAfterMaxMs }: RetrySchedule,
  failures: number,
  retryAfterMs: number | undefined,
  random: () => number,
): number {
  if (retryAfterMs !== undefined && !Number.isNaN(retryAfterMs)) {
    return Math.round(Math.min(retryAfterMaxMs, Math.max(retryAfterMinMs, retryAfterMs)));
  }
  const index = Math.min(Math.max(1, failures), pausesMs.length) - 1;
  return Math.round(random() * (pausesMs[index] ?? 0));
}
