import type { System } from './system.js';
import type { Customer } from './traffic.js';

/** A message as Postgres holds it. */
export interface WorldMessage {
  id: string;
  laneId: string;
  direction: 'inbound' | 'outbound';
  seq: number;
  contentType: string;
  text: string;
  delivery: string;
  reason: string | null;
  possibleDuplicate: boolean;
  outOfOrder: boolean;
  /** State of its lane item; null when it has none. */
  itemState: string | null;
  parts: { n: number; text: string }[];
  attempts: WorldAttempt[];
}

export interface WorldAttempt {
  id: string;
  partN: number;
  kind: 'send' | 'create';
  outcome: string;
  fence: number;
  /** Epoch milliseconds. */
  startedAt: number;
  receipt: string | null;
}

/** One acceptance by a provider, in the order of its log. */
export interface Taken {
  direction: 'inbound' | 'outbound';
  /** Undefined when it belongs to no message of ours. */
  messageId: string | undefined;
  partN: number;
  text: string;
}

/** What somebody wrote and was told that it is taken; per `who` and direction in the order of writing. */
export interface Written {
  who: string;
  direction: 'inbound' | 'outbound';
  text: string;
}

/** Everything the invariants speak of: ours from Postgres, theirs from the simulators' logs. */
export interface World {
  messages: WorldMessage[];
  taken: Taken[];
  written: Written[];
}

const ENDS = new Set(['submitted', 'failed', 'held']);

/** How a world that has become quiet breaks I1 to I5 (FAULTS.md); empty when it does not. */
export function broken(world: World): string[] {
  return [...lost(world), ...doubled(world), ...inverted(world), ...unfinished(world), ...staleFences(world)];
}

/** Parts that a provider took more than once: how often too often. */
export function doubles(world: World): number {
  return [...byPart(world).values()].reduce((sum, taken) => sum + taken.length - 1, 0);
}

/** I1: nothing accepted is lost, and nothing appears that nobody wrote. */
function lost({ messages, taken, written }: World): string[] {
  const stored = new Set(messages.map(({ direction, text }) => `${direction}:${text}`));
  const arrived = new Set(taken.map(({ messageId, partN }) => `${messageId}/${partN}`));
  return [
    ...written
      .filter(({ direction, text }) => !stored.has(`${direction}:${text}`))
      .map(({ direction, text }) => `I1: ${direction} "${short(text)}" was accepted and is not stored`),
    ...messages
      .filter(({ delivery, contentType }) => delivery === 'submitted' && contentType !== 'reopening')
      .flatMap(({ id, direction, text, parts }) =>
        parts
          .filter(({ n }) => !arrived.has(`${id}/${n}`))
          .map(({ n }) => `I1: part ${n} of ${direction} "${short(text)}" is submitted and never arrived`),
      ),
    ...messages
      .filter(({ delivery, parts, contentType }) => {
        return delivery === 'submitted' && parts.length === 0 && contentType !== 'reopening';
      })
      .map(({ direction, text }) => `I1: ${direction} "${short(text)}" is submitted and has no part`),
    ...taken
      .filter(({ messageId }) => messageId === undefined)
      .map(
        ({ direction, text }) => `I1: ${direction} "${short(text)}" was delivered and is nobody's message`,
      ),
  ];
}

/** I2: a part is taken once, unless its message says so or the provider itself reported a failure. */
function doubled(world: World): string[] {
  const messages = new Map(world.messages.map((message) => [message.id, message]));
  return [...byPart(world).entries()].flatMap(([key, taken]) => {
    const [first] = taken;
    const message = messages.get(first?.messageId ?? '');
    if (!first || !message || taken.length === 1) return [];
    const tries = message.attempts.filter(({ kind, partN }) => kind === 'send' && partN === first.partN);
    const reported = tries.some(({ receipt }) => receipt === 'failed' || receipt === 'undelivered');
    if (taken.length > tries.length)
      return [`I2: ${key} was taken ${taken.length} times in ${tries.length} attempts`];
    if (message.possibleDuplicate || reported) return [];
    return [`I2: ${message.direction} "${short(message.text)}" was taken ${taken.length} times, unmarked`];
  });
}

/** I3: the order of first acceptance in a lane is `seq`, and `seq` is the order of writing. */
function inverted({ messages, taken, written }: World): string[] {
  const found: string[] = [];
  const known = new Map(messages.map((message) => [message.id, message]));
  const seen = new Set<string>();
  const last = new Map<string, { seq: number; partN: number }>();
  for (const { messageId = '', partN, direction, text } of taken) {
    const message = known.get(messageId);
    if (!message || seen.has(`${messageId}/${partN}`)) continue;
    seen.add(`${messageId}/${partN}`);
    const before = last.get(message.laneId);
    if (before && (message.seq < before.seq || (message.seq === before.seq && partN < before.partN))) {
      found.push(`I3: ${direction} "${short(text)}" (seq ${message.seq}) arrived after seq ${before.seq}`);
    }
    last.set(message.laneId, { seq: message.seq, partN });
  }
  const bySource = new Map(messages.map((message) => [`${message.direction}:${message.text}`, message]));
  const lastWritten = new Map<string, number>();
  for (const { who, direction, text } of written) {
    const message = bySource.get(`${direction}:${text}`);
    if (!message || message.outOfOrder) continue;
    const lane = `${who}/${message.laneId}`;
    if (message.seq <= (lastWritten.get(lane) ?? 0)) {
      found.push(`I3: ${direction} "${short(text)}" has seq ${message.seq}, an earlier one has a higher`);
    }
    lastWritten.set(lane, message.seq);
  }
  return found;
}

/** I4: once the world is quiet everything is at an end, with a reason where it is no good one. */
function unfinished({ messages }: World): string[] {
  return messages.flatMap((message) => {
    const { direction, text, delivery, reason, itemState } = message;
    const name = `I4: ${direction} "${short(text)}"`;
    if (!ENDS.has(delivery)) return [`${name} is left ${delivery}`];
    if (delivery !== 'submitted' && reason === null) return [`${name} is ${delivery} for no reason`];
    if (delivery !== 'held' && itemState !== null)
      return [`${name} is ${delivery}, its item is ${itemState}`];
    if (
      delivery === 'submitted' &&
      !message.attempts.some(isSubmitted) &&
      message.contentType !== 'reopening'
    )
      return [`${name} is submitted without a submitted attempt`];
    return [];
  });
}

/** I5: nobody begins an attempt in a lane after one with a higher fence has begun there. */
function staleFences({ messages }: World): string[] {
  const lanes = Map.groupBy(messages, ({ laneId }) => laneId);
  return [...lanes].flatMap(([laneId, inLane]) => {
    const attempts = inLane.flatMap((message) => message.attempts).sort((a, b) => a.startedAt - b.startedAt);
    const stale = attempts.some(({ fence }, index) => fence < (attempts[index - 1]?.fence ?? 0));
    return stale ? [`I5: lane ${laneId} has an attempt with an old fence`] : [];
  });
}

function isSubmitted({ outcome }: WorldAttempt): boolean {
  return outcome === 'submitted';
}

function byPart({ taken }: World): Map<string, Taken[]> {
  return Map.groupBy(
    taken.filter(({ messageId }) => messageId !== undefined),
    ({ messageId, partN }) => `${messageId}/${partN}`,
  );
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** The system's world; `customers` say what they and their agents wrote. */
export async function readWorld(system: System, customers: readonly Customer[]): Promise<World> {
  const { rows } = await system.pool.query<WorldMessage>(`
    select m.id, m.lane_id as "laneId", m.direction, m.seq, m.content ->> 'type' as "contentType",
      coalesce(m.content ->> 'text', '') as text, m.delivery, m.reason, m.possible_duplicate as "possibleDuplicate",
      m.out_of_order as "outOfOrder", i.state as "itemState",
      (select coalesce(json_agg(json_build_object('n', p.n, 'text', coalesce(p.content ->> 'text', '')) order by p.n), '[]')
        from parts p where p.message_id = m.id) as parts,
      (select coalesce(json_agg(json_build_object('id', a.id, 'partN', a.part_n, 'kind', a.kind, 'outcome', a.outcome,
          'fence', a.fence, 'startedAt', extract(epoch from a.started_at) * 1000, 'receipt', a.receipt) order by a.id), '[]')
        from attempts a where a.message_id = m.id) as attempts
    from messages m left join lane_items i on i.lane_id = m.lane_id and i.seq = m.seq
    order by m.lane_id, m.seq`);
  const written = customers.flatMap((customer): Written[] => [
    ...customer.written.map((text) => ({ who: customer.address, direction: 'inbound' as const, text })),
    ...customer.answers.map((text) => ({ who: customer.address, direction: 'outbound' as const, text })),
  ]);
  return { messages: rows, taken: [...takenByTwilio(system, rows), ...takenByDesk(system, rows)], written };
}

/** Twilio's acceptances name our attempt in the address of their receipts. */
function takenByTwilio({ twilio }: System, messages: WorldMessage[]): Taken[] {
  const parts = new Map(
    messages.flatMap(({ id, attempts }) => attempts.map((a) => [a.id, { id, n: a.partN }])),
  );
  return twilio.log.flatMap((entry): Taken[] => {
    if (entry.kind === 'typing') return [];
    const callback = entry.kind === 'message' ? entry.statusCallback : null;
    const attemptId = callback === null ? null : new URL(callback).searchParams.get('a');
    const part = parts.get(attemptId ?? '');
    return [{ direction: 'outbound', messageId: part?.id, partN: part?.n ?? 0, text: entry.body }];
  });
}

/** The desk's carry nothing of ours, so texts of a test must not repeat. */
function takenByDesk({ desk }: System, messages: WorldMessage[]): Taken[] {
  const parts = new Map(
    messages
      .filter(({ direction }) => direction === 'inbound')
      .flatMap(({ id, parts: all }) => all.map(({ n, text }) => [text, { id, n }])),
  );
  return desk.log.flatMap((entry): Taken[] => {
    if (entry.kind !== 'message') return [];
    const part = parts.get(entry.text);
    return [{ direction: 'inbound', messageId: part?.id, partN: part?.n ?? 0, text: entry.text }];
  });
}
