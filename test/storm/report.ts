import type { Sample } from './resources.js';
import type { StormOptions } from './storm.js';
import type { Verdict } from './verdict.js';

export interface StormReport extends Verdict {
  seed: number;
  lookUps: StormOptions['lookUps'];
  seconds: number;
  /** Accepted per second while all of it went on. */
  perSecond: number;
  /** From the end of all faults until everything accepted was on the other side. */
  calmSeconds: number;
  /** Of the process of the simulators. */
  longestStallMs: number;
  faults: Record<string, number>;
  blows: Record<string, number>;
  peak: Omit<Sample, 'atMs'>;
}

/** What docs/GUARANTEES.md can quote. */
export function asMarkdown(report: StormReport): string {
  const { peak } = report;
  const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, n) => sum + n, 0);
  const rows: [string, string | number][] = [
    ['messages accepted', report.messages],
    ['lost', report.lost],
    ['delivered twice', report.doubled],
    ['out of order', report.inverted],
    ['held', report.held],
    ['failed', report.failed],
    ['marked as possible duplicates', report.marked],
    ['seconds of storm', report.seconds],
    ['messages per second', report.perSecond],
    ['seconds from calm until all had arrived', report.calmSeconds],
    ['failed calls', `${total(report.faults)} in ${Object.keys(report.faults).length} ways`],
    ['sends left without a known outcome', `${report.unknowable} by faults, ${report.cutOff} cut off`],
    [
      'taken by a provider too late for any look-up',
      `${report.late} (the simulators stood still for up to ${report.longestStallMs} ms)`,
    ],
    ['blows', list(report.blows)],
    [
      'most memory, handles, Postgres connections, Redis memory',
      `${peak.memoryMb} MB, ${peak.handles}, ${peak.postgresConnections}, ${peak.redisMb} MB`,
    ],
    ['look-ups, seed', `${report.lookUps}, ${report.seed}`],
  ];
  return ['| | |', '| --- | --- |', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');
}

export function list(counts: Record<string, number>): string {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, n]) => `${name} ${n}×`)
    .join(', ');
}
