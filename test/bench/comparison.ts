import type { Round } from './load.js';
import type { Server } from './servers.js';

/** The rounds of one server at one number of connections, in the order they were run. */
export interface Series {
  server: Server;
  rounds: Round[];
}

/** One line of the table; ratios are medians over the rounds, each against its neighbour of the same turn. */
export interface Figures {
  name: string;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  toBare: number;
  toReference: number;
  p50ToReference: number;
}

export function figures(series: Series, bare: Series, reference: Series): Figures {
  const against = (other: Series, of: (round: Round) => number) =>
    median(series.rounds.map((round, n) => of(round) / of(other.rounds[n] ?? round)));
  return {
    name: series.server.name,
    perSecond: median(series.rounds.map((round) => round.perSecond)),
    p50Ms: median(series.rounds.map((round) => round.p50Ms)),
    p99Ms: median(series.rounds.map((round) => round.p99Ms)),
    toBare: against(bare, (round) => round.perSecond),
    toReference: against(reference, (round) => round.perSecond),
    p50ToReference: against(reference, (round) => round.p50Ms),
  };
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2;
}

const COLUMNS = ['', 'requests/s', 'p50 ms', 'p99 ms', 'of bare', '× reference', 'p50 × reference'];

/** The figures of one number of connections as a table. */
export function table(rows: Figures[]): string {
  return asTable(
    COLUMNS,
    rows.map((row) => [
      row.name,
      row.perSecond.toFixed(0),
      row.p50Ms.toFixed(2),
      row.p99Ms.toFixed(2),
      `${(row.toBare * 100).toFixed(0)} %`,
      row.toReference.toFixed(2),
      row.p50ToReference.toFixed(2),
    ]),
  );
}

/** Names to the left, figures to the right. */
export function asTable(columns: string[], rows: string[][]): string {
  const widths = columns.map((column, n) =>
    Math.max(column.length, ...rows.map((row) => row[n]?.length ?? 0)),
  );
  return [columns, ...rows]
    .map((row) =>
      row.map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0))),
    )
    .map((row) => `  ${row.join('  ')}`)
    .join('\n');
}
