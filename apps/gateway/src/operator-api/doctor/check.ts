/** `warn`: it works, and something should be known or done; `skipped`: another check has to be right first. */
export const CHECK_STATUSES = ['ok', 'warn', 'fail', 'skipped'] as const;
export type CheckStatus = (typeof CHECK_STATUSES)[number];

/** One thing that has to be right between both accounts and us. */
export interface Check {
  /** For programs: `chat-gateway-key`. */
  name: string;
  /** What was looked at. */
  subject: string;
  status: CheckStatus;
  /** What was found, in one sentence. */
  finding: string;
  /** What to do about it. */
  remedy?: string;
  /** Where it is about one number. */
  numberId?: string;
}

type Outcome = Pick<Check, 'status' | 'finding' | 'remedy'>;

export const ok = (finding: string): Outcome => ({ status: 'ok', finding });
export const warn = (finding: string, remedy: string): Outcome => ({ status: 'warn', finding, remedy });
export const fail = (finding: string, remedy: string): Outcome => ({ status: 'fail', finding, remedy });
export const skipped = (finding: string): Outcome => ({ status: 'skipped', finding });

export function check(name: string, subject: string, outcome: Outcome, numberId?: string): Check {
  const { status, finding, remedy } = outcome;
  return {
    name,
    subject,
    status,
    finding,
    ...(remedy !== undefined && { remedy }),
    ...(numberId !== undefined && { numberId }),
  };
}

/** What is left of one deadline, to each of several calls. */
export type Within = () => { timeoutMs: number };

/** Events and signatures are refused when clocks differ by five minutes. */
const CLOCK_WARN_MS = 60_000;
const CLOCK_FAIL_MS = 240_000;

/** @param elapsedMs how long the answer took that told the other clock */
export function clockCheck(
  name: string,
  subject: string,
  { date, now, elapsedMs }: { date: number | undefined; now: number; elapsedMs: number },
): Check {
  if (date === undefined) return check(name, subject, skipped('It does not tell its time.'));
  const difference = now - date;
  // Of the header only whole seconds are known, and it is as old as the answer's way.
  const certain = Math.max(0, Math.abs(difference) - 1_000 - elapsedMs);
  const finding = `Our clock is ${Math.round(Math.abs(difference) / 1_000)} s ${difference > 0 ? 'ahead' : 'behind'}.`;
  const remedy =
    'Set the clock of this machine (timedatectl, chrony): what is signed five minutes off is refused.';
  if (certain > CLOCK_FAIL_MS) return check(name, subject, fail(finding, remedy));
  if (certain > CLOCK_WARN_MS) return check(name, subject, warn(finding, remedy));
  return check(name, subject, ok('Both clocks agree.'));
}
