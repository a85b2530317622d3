import type { StormCounts } from '../state.js';

/** One message of a storm, in a lane of its own customer and direction. */
export interface StormMessage {
  customer: number;
  /** Its place among what was written in its lane, from 1. */
  n: number;
  /** Undefined while its webhook is under way. */
  accepted: boolean | undefined;
  /** Moments of arrival on the other side, as places in the order of all arrivals. */
  arrivals: number[];
  /** Causeway says that it may have been delivered twice. */
  marked: boolean;
}

/** What was written in one direction, what was promised, and what became of it. */
export class Tally {
  readonly #lanes = new Map<number, StormMessage[]>();
  #arrivals = 0;

  constructor(readonly planned: number) {}

  /** Each customer's messages are written one after the other. */
  write(customer: number): StormMessage {
    const lane = this.#lanes.get(customer) ?? [];
    this.#lanes.set(customer, lane);
    const message = { customer, n: lane.length + 1, accepted: undefined, arrivals: [], marked: false };
    lane.push(message);
    return message;
  }

  find(customer: number, n: number): StormMessage | undefined {
    return this.#lanes.get(customer)?.[n - 1];
  }

  arrive(message: StormMessage): void {
    this.#arrivals += 1;
    message.arrivals.push(this.#arrivals);
  }

  /** @param ended whether what has not arrived by now never will, since nothing is under way any more */
  counts(ended: boolean): StormCounts {
    const lanes = [...this.#lanes.values()];
    const all = lanes.flat();
    const accepted = all.filter((message) => message.accepted === true);
    const doubled = all.filter(({ arrivals }) => arrivals.length > 1);
    const missing = accepted.filter(({ arrivals }) => arrivals.length === 0);
    const lost = ended ? missing : lanes.flatMap(overtaken);
    return {
      planned: this.planned,
      written: all.length,
      accepted: accepted.length,
      refused: all.filter((message) => message.accepted === false).length,
      delivered: accepted.length - missing.length,
      underWay: missing.length - lost.length,
      lost: lost.length,
      doubled: extra(doubled),
      doubledMarked: extra(doubled.filter(({ marked }) => marked)),
      outOfOrder: lanes.reduce((sum, lane) => sum + inversions(lane), 0),
    };
  }
}

function extra(doubled: StormMessage[]): number {
  return doubled.reduce((sum, { arrivals }) => sum + arrivals.length - 1, 0);
}

/** Accepted, and a later one of the lane is there already. */
function overtaken(lane: StormMessage[]): StormMessage[] {
  const last = lane.findLastIndex(({ arrivals }) => arrivals.length > 0);
  return lane.slice(0, Math.max(0, last)).filter((one) => one.accepted === true && one.arrivals.length === 0);
}

/** Messages whose first arrival came after that of a later one. */
function inversions(lane: StormMessage[]): number {
  let earliestLater = Infinity;
  let count = 0;
  for (const { arrivals } of lane.toReversed()) {
    const [first] = arrivals;
    if (first === undefined) continue;
    if (first > earliestLater) count += 1;
    earliestLater = Math.min(earliestLater, first);
  }
  return count;
}
