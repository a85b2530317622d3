export const FAULT_EFFECTS = [
  'slow',
  'answer',
  'hang',
  'reset',
  'garbage',
  'headers-only',
  'half-body',
  'huge-body',
  'wrong-type',
  'drip',
] as const;
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

/** What goes wrong, whatever the call. */
export type FaultWay = Omit<FaultSpec, 'operation' | 'times' | 'skip' | 'contains'>;

/** Faults that hit calls by chance. */
export interface FaultChance {
  /** Of the calls, from 0 to 1. */
  share: number;
  /** Each as likely as the others. */
  ways: readonly FaultWay[];
  /** From 0 to 1, without 1. */
  random: () => number;
}

/** These spoil an answer, so there has to be one first. */
const ALWAYS_AFTER: ReadonlySet<FaultEffect> = new Set([
  'garbage',
  'headers-only',
  'half-body',
  'huge-body',
  'drip',
]);

/** The armed faults of one simulator. The first that matches a call hits it; chance decides about the others. */
export class Faults {
  #armed: Fault[] = [];
  #chance: FaultChance | undefined;
  #count = 0;
  #hits = 0;
  readonly #hitsByKind = new Map<string, number>();

  get items(): readonly Fault[] {
    return this.#armed;
  }

  /** How many calls were hit so far. */
  get hits(): number {
    return this.#hits;
  }

  /** The same by operation and kind: `messages.create reset after`, `messages.list answer 503 before`. */
  get hitsByKind(): ReadonlyMap<string, number> {
    return this.#hitsByKind;
  }

  arm(spec: FaultSpec): Fault {
    const fault = this.#fault(spec);
    this.#armed.push(fault);
    return fault;
  }

  /** From now on chance hits calls that no armed fault hits; undefined ends that. */
  random(chance: FaultChance | undefined): void {
    this.#chance = chance;
  }

  disarm(id: string): void {
    this.#armed = this.#armed.filter((fault) => fault.id !== id);
  }

  disarmAll(): void {
    this.#armed = [];
    this.#chance = undefined;
  }

  /** The fault that hits this call, used up by one. */
  take(operation: string, pathAndBody: string): Fault | undefined {
    const fault = this.#takeArmed(operation, pathAndBody) ?? this.#takeByChance(operation);
    if (fault === undefined) return undefined;
    this.#hits += 1;
    const kind = `${operation} ${kindOf(fault)}`;
    this.#hitsByKind.set(kind, (this.#hitsByKind.get(kind) ?? 0) + 1);
    return { ...fault };
  }

  #takeArmed(operation: string, pathAndBody: string): Fault | undefined {
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
    return fault;
  }

  #takeByChance(operation: string): Fault | undefined {
    const { share, ways, random } = this.#chance ?? { share: 0, ways: [], random: () => 1 };
    if (random() >= share) return undefined;
    const way = ways[Math.floor(random() * ways.length)];
    return way && this.#fault({ ...way, operation });
  }

  #fault(spec: FaultSpec): Fault {
    this.#count += 1;
    const when = ALWAYS_AFTER.has(spec.effect) ? 'after' : (spec.when ?? 'before');
    const times = spec.times === undefined ? 1 : spec.times;
    return { ...spec, id: String(this.#count), when, times, skip: spec.skip ?? 0 };
  }
}

function kindOf({ effect, status, when }: Fault): string {
  return effect === 'answer' ? `answer ${status ?? 500} ${when}` : `${effect} ${when}`;
}
