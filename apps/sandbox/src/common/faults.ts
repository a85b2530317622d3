export const FAULT_EFFECTS = ['slow', 'answer', 'hang', 'reset', 'garbage', 'half-body', 'drip'] as const;
export type FaultEffect = (typeof FAULT_EFFECTS)[number];

/** What goes wrong, and with which calls. */
export interface FaultSpec {
  /** An operation's name, or `*`. */
  operation: string;
  effect: FaultEffect;
  /** `before` (default): nothing is accepted; `after`: the call takes effect, its answer suffers. */
  when?: 'before' | 'after';
  /** How many calls it hits: 1 by default, null = until disarmed. */
  times?: number | null;
  /** Matching calls to let pass first. */
  skip?: number;
  /** Only calls whose path or body contains this. */
  contains?: string;
  delayMs?: number;
  status?: number;
  /** Text of the Retry-After header; any nonsense is allowed. */
  retryAfter?: string;
  /** The provider's error code, where its error body has one. */
  code?: number | string;
  /** Sent instead of the provider's own error body. */
  body?: string;
}

export type Fault = FaultSpec & {
  id: string;
  when: 'before' | 'after';
  times: number | null;
  skip: number;
};

/** These spoil an answer, so there has to be one first. */
const ALWAYS_AFTER: ReadonlySet<FaultEffect> = new Set(['garbage', 'half-body', 'drip']);

/** The armed faults of one simulator. The first that matches a call hits it. */
export class Faults {
  #armed: Fault[] = [];
  #count = 0;
  #hits = 0;

  get items(): readonly Fault[] {
    return this.#armed;
  }

  /** How many calls were hit so far. */
  get hits(): number {
    return this.#hits;
  }

  arm(spec: FaultSpec): Fault {
    this.#count += 1;
    const when = ALWAYS_AFTER.has(spec.effect) ? 'after' : (spec.when ?? 'before');
    const times = spec.times === undefined ? 1 : spec.times;
    const fault: Fault = { ...spec, id: String(this.#count), when, times, skip: spec.skip ?? 0 };
    this.#armed.push(fault);
    return fault;
  }

  disarm(id: string): void {
    this.#armed = this.#armed.filter((fault) => fault.id !== id);
  }

  disarmAll(): void {
    this.#armed = [];
  }

  /** The fault that hits this call, used up by one. */
  take(operation: string, pathAndBody: string): Fault | undefined {
    const fault = this.#armed.find(
      (candidate) =>
        (candidate.operation === '*' || candidate.operation === operation) &&
        (candidate.contains === undefined || pathAndBody.includes(candidate.contains)),
    );
    if (fault === undefined) return undefined;
    if (fault.skip > 0) {
      fault.skip -= 1;
      return undefined;
    }
    if (fault.times !== null) {
      fault.times -= 1;
      if (fault.times <= 0) this.#armed = this.#armed.filter((other) => other !== fault);
    }
    this.#hits += 1;
    return { ...fault };
  }
}
