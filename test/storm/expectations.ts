import type { StormReport } from './report.js';

const CALM_LIMIT_S = 60;
/** Blows that cut attempts off. */
const CUTTING = [
  'worker killed',
  'worker stopped beyond its lease',
  'worker asked to end',
  'Twilio unreachable',
  'Chat Gateway unreachable',
];
/** Lanes that all workers together work on at once, both directions. */
const LANES = 3 * 64;

/** How a storm breaks the promise; empty when it does not. */
export function expectations(report: StormReport): string[] {
  const { lookUps, violations, marked, doubled, unknowable, cutOff, calmSeconds, blows } = report;
  const wrong = [...violations];
  const expect = (holds: boolean, what: string) => void (holds || wrong.push(what));
  const none = (name: 'lost' | 'inverted' | 'held' | 'failed' | 'marked' | 'doubled') =>
    expect(report[name] === 0, `${report[name]} ${name}`);
  none('lost');
  none('inverted');
  none('held');
  none('failed');
  if (lookUps === 'exact') {
    none('doubled');
    none('marked');
  } else {
    expect(marked <= unknowable + cutOff, `${marked} marked, ${unknowable + cutOff} unknowable`);
    expect(doubled <= unknowable + cutOff, `${doubled} doubled, ${unknowable + cutOff} unknowable`);
  }
  // Late by the machine only: a provider that is never kept waiting takes nothing late.
  expect(report.late === 0 || report.longestStallMs > 250, `${report.late} taken late without a stall`);
  const cuts = CUTTING.reduce((sum, blow) => sum + (blows[blow] ?? 0), 0);
  expect(cutOff <= cuts * LANES, `${cutOff} attempts cut off by ${cuts} blows`);
  expect(calmSeconds <= CALM_LIMIT_S, `${calmSeconds} s from calm until all had arrived`);
  return wrong;
}
