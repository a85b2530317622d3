import { broken, doubles, type World, type WorldMessage } from '../support/invariants.js';
import type { System } from '../support/system.js';
import { readHistories, takenLate, tell, type Limits } from './histories.js';

/** What became of everything that was accepted. */
export interface Verdict {
  messages: number;
  lost: number;
  /** Deliveries beyond the first. */
  doubled: number;
  inverted: number;
  held: number;
  failed: number;
  /** Marked as possible duplicates. */
  marked: number;
  /** Calls to send that a fault left without a known outcome. */
  unknowable: number;
  /** Attempts that were cut off without such a fault: their worker died or stood still, or the provider went away. */
  cutOff: number;
  /** Deliveries that the provider took later than any look-up can wait for, because this machine kept it from its work. */
  late: number;
  /** How each text that was doubled or marked came to it. */
  stories: string[];
  violations: string[];
}

export async function judge(system: System, world: World, limits: Limits): Promise<Verdict> {
  const own = world.messages.filter(({ contentType }) => contentType === 'text');
  const number = (of: (message: WorldMessage) => boolean) => own.filter(of).length;
  const histories = await readHistories(system);
  const late = new Map(
    histories.flatMap((one): [string, number][] => {
      const n = takenLate(one, limits);
      return n > 0 ? [[one.text, n]] : [];
    }),
  );
  const violations = broken(world).filter(
    (line) => !(line.startsWith('I2') && [...late.keys()].some((text) => line.includes(`"${text}"`))),
  );
  return {
    messages: own.length,
    lost: violations.filter((line) => line.startsWith('I1')).length,
    doubled: doubles(world) - [...late.values()].reduce((sum, n) => sum + n, 0),
    inverted: violations.filter((line) => line.startsWith('I3')).length,
    held: number(({ delivery }) => delivery === 'held'),
    failed: number(({ delivery }) => delivery === 'failed'),
    marked: number(({ possibleDuplicate, text }) => possibleDuplicate && !late.has(text)),
    unknowable: sendsHit(system, (kind) => !kind.startsWith('slow')) - certain429(system),
    cutOff: await cutOff(system),
    late: late.size,
    stories: histories.filter(({ marked, takenMs }) => marked || takenMs.length > 1).map(tell),
    violations,
  };
}

/** How many calls to send were hit by faults of these kinds. */
function sendsHit({ twilio, desk }: System, of: (kind: string) => boolean): number {
  return [twilio, desk]
    .flatMap(({ faults }) => [...faults.hitsByKind])
    .filter(([kind]) => kind.startsWith('messages.create ') && of(kind.slice('messages.create '.length)))
    .reduce((sum, [, count]) => sum + count, 0);
}

/** Twilio's 429 is a certain refusal; the desk's is not. */
function certain429({ twilio }: System): number {
  return twilio.faults.hitsByKind.get('messages.create answer 429 before') ?? 0;
}

async function cutOff(system: System): Promise<number> {
  const { rows } = await system.pool.query<{ code: string | null; n: number }>(
    `select error_code as code, count(*)::int as n from attempts
     where kind = 'send' and outcome in ('sending', 'uncertain', 'abandoned') group by 1`,
  );
  const ended = (code: string | null) => rows.find((row) => row.code === code)?.n ?? 0;
  const unexplained = (code: string, faults: RegExp) =>
    Math.max(0, ended(code) - sendsHit(system, (kind) => faults.test(kind)));
  return (
    ended(null) +
    unexplained('deadline', /^(hang|drip|slow)/) +
    unexplained('connection-lost', /^(reset|half-body)/)
  );
}
