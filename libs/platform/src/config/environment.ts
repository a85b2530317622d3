/** Where a process can be made to kill itself, for tests of what survives. Named after the step it follows or precedes. */
export const CRASH_POINTS = [
  'after-commit',
  'after-claim',
  'before-claim',
  'after-intent',
  'mid-request',
  'after-response',
  'before-release',
  'after-wake',
] as const;

export type CrashPointName = (typeof CRASH_POINTS)[number];

export interface CrashSetting {
  name: CrashPointName;
  /** Crash at this hit of the point; the first is 1. */
  hit: number;
}

/**
 * What `CAUSEWAY_CRASH_POINT` (`after-intent`, `after-intent:3`) asks for. `invalid`: there is no such point, or this
 * is production, where no process may ever be told to die.
 */
export function crashSetting(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): CrashSetting | 'invalid' | undefined {
  const text = environment['CAUSEWAY_CRASH_POINT'];
  if (!text) return undefined;
  const [, name, hit = '1'] = /^([a-z-]+)(?::([1-9]\d{0,8}))?$/.exec(text) ?? [];
  const point = CRASH_POINTS.find((candidate) => candidate === name);
  if (!point || environment['NODE_ENV'] === 'production') return 'invalid';
  return { name: point, hit: Number(hit) };
}
