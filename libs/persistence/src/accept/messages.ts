import { randomFillSync } from 'node:crypto';
import { v7 as uuid } from 'uuid';
import type { AcceptResult, InboundMessageReceived, WakeUp } from '#core';
import type { Queryable } from '../database.js';
import { binaryArray, binaryIntegers } from './binary-array.js';
import { keyDigest } from './keys.js';
import type { KnownThread, KnownThreads } from './known-threads.js';

const UUID_BYTES = 16;

export interface Accepted {
  results: AcceptResult[];
  wakeUps: WakeUp[];
}

/** A message, and the lane under which its thread is remembered. */
export interface LaneMessage {
  lane: string;
  event: InboundMessageReceived;
}

/** By whom and to whom messages are, as columns: tenants first, then what every look-up takes after them, in its order. */
function parties(events: InboundMessageReceived[]): [string[], ...(string | null)[][]] {
  return [
    events.map((event) => event.tenantId),
    events.map((event) => event.channel),
    events.map((event) => event.account),
    events.map((event) => event.to),
    events.map((event) => event.serviceId ?? null),
    events.map((event) => event.from),
    events.map((event) => event.aliases[0]?.value ?? event.from),
    events.map((event) => event.aliases[1]?.value ?? null),
    events.map((event) => storable(event.profileName)),
  ];
}

const INTRODUCE_THREADS = {
  name: 'introduce-threads',
  text: 'select * from introduce_threads($1, $2, $3, $4, $5, $6, $7, $8, $9)',
};

interface IntroducedRow {
  ord: number;
  thread_id: string;
  /** Null where somebody has emptied the directory: then nothing is remembered. */
  version: string | null;
}

/** Finds the threads of customers who are not remembered, makes those of new ones, and remembers them. */
export async function introduceThreads(
  db: Queryable,
  messages: LaneMessage[],
  known: KnownThreads,
): Promise<void> {
  const { rows } = await db.query<IntroducedRow>({
    ...INTRODUCE_THREADS,
    values: parties(messages.map(({ event }) => event)),
  });
  for (const { ord, thread_id, version } of rows) {
    const message = messages[ord - 1];
    if (message && version !== null) known.remember(version, message.lane, message.event, thread_id);
  }
}

/** Who found an event: a webhook brought it, or a reconciler missed it. Its key is marked with it. */
export type Origin = 'webhook' | 'reconciler';

// The version is read no later than the threads are looked up: it stands in the snapshot in which this statement starts.
function acceptBy(name: string) {
  return {
    name: name.replaceAll('_', '-'),
    text: `select a.ord, a.lane_id, a.lane_direction,
      (select l.thread_id from lanes l where l.id = a.lane_id) as thread_id,
      (select d.version from thread_directory d) as version
    from ${name}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) a`,
  };
}

const ACCEPT_MESSAGES: Record<Origin, { name: string; text: string }> = {
  webhook: acceptBy('accept_messages'),
  reconciler: acceptBy('accept_listed_messages'),
};

const ADD_PARAMETERS = { name: 'add-parameters', text: 'select add_parameters($1, $2, $3)' };

interface Row {
  ord: number;
  lane_id: string;
  lane_direction: 'inbound' | 'outbound';
  /** Null where the lane was made by this statement. */
  thread_id: string | null;
  /** Null where somebody has emptied the directory: then nothing is remembered. */
  version: string | null;
}

/**
 * Commits any messages in one round trip, whoever they are from and whether or not they came before, and remembers their
 * threads. No key may stand twice.
 */
export async function acceptMessages(
  db: Queryable,
  messages: LaneMessage[],
  known: KnownThreads,
  origin: Origin = 'webhook',
): Promise<Accepted> {
  const events = messages.map(({ event }) => event);
  const [tenants, ...others] = parties(events);
  const { rows } = await db.query<Row>({
    ...ACCEPT_MESSAGES[origin],
    values: [
      tenants,
      events.map((event) => keyDigest(event.dedupeKey)),
      events.map(() => uuid()),
      ...others,
      events.map((event) => event.providerMessageId),
      events.map((event) => JSON.stringify(event.content)),
      events.map((event) => JSON.stringify(event.raw)),
    ],
  });
  const results = events.map((): AcceptResult => 'duplicate');
  for (const row of rows) if (row.ord > 0) results[row.ord - 1] = 'accepted';
  remember(rows, messages, known);
  if (origin === 'webhook') {
    await addParameters(
      db,
      events.filter((_, n) => results[n] === 'duplicate'),
    );
  }
  const lanes = new Map(rows.map((row) => [row.lane_id, row.lane_direction]));
  return { results, wakeUps: [...lanes].map(([laneId, direction]) => ({ laneId, direction })) };
}

/** What came before may have been found by the reconciler, which knows less of it than its webhook. */
async function addParameters(db: Queryable, known: InboundMessageReceived[]): Promise<void> {
  if (known.length === 0) return;
  await db.query({
    ...ADD_PARAMETERS,
    values: [
      known.map((event) => keyDigest(event.dedupeKey)),
      known.map((event) => JSON.stringify(event.content)),
      known.map((event) => JSON.stringify(event.raw)),
    ],
  });
}

/** Of messages that speak of the same people only the last one tells how things are after them. */
function remember(rows: Row[], messages: LaneMessage[], known: KnownThreads): void {
  const newest = new Map<string, LaneMessage>();
  for (const message of messages) {
    for (const { value } of message.event.aliases) newest.set(value, message);
  }
  for (const { ord, thread_id, version } of rows) {
    const message = messages[ord - 1];
    if (!message || thread_id === null || version === null) continue;
    const { lane, event } = message;
    if (event.aliases.some(({ value }) => newest.get(value) !== message)) continue;
    known.remember(version, lane, event, thread_id);
  }
}

const APPEND_MESSAGES = {
  name: 'append-messages',
  text: 'select * from append_messages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)',
};
const APPEND_MESSAGE = {
  name: 'append-message',
  text: 'select * from append_message($1, $2, $3, $4, $5, $6, $7, $8, $9)',
};

interface AppendedRow {
  version: string | null;
  /** By thread. Null where nothing is stored. */
  lanes: string[] | null;
  /** By thread; null where somebody holds the lane, or has let it run out. */
  fences: (string | null)[];
  opened: string[] | null;
}

/**
 * Commits messages of known threads in one round trip, without looking anything up. Undefined, with nothing stored, when
 * one of them came before, or when what is known has become out of date, which is then forgotten.
 */
export async function appendMessages(
  db: Queryable,
  events: InboundMessageReceived[],
  threads: KnownThread[],
  version: string | null,
  known: KnownThreads,
): Promise<Accepted | undefined> {
  const { rows } = await db.query<AppendedRow>(appending(events, threads, version));
  const [answer] = rows;
  if (answer) known.moveTo(answer.version);
  if (!answer?.lanes) return undefined;
  const wakeUps = answer.lanes.map((laneId, n): WakeUp => {
    const fence = answer.fences[n];
    return { laneId, direction: 'inbound', ...(fence && { fence }) };
  });
  for (const laneId of answer.opened ?? []) wakeUps.push({ laneId, direction: 'outbound' });
  return { results: events.map(() => 'accepted'), wakeUps };
}

function appending(events: InboundMessageReceived[], threads: KnownThread[], version: string | null) {
  const opensWindows = events.some((event) => event.channel === 'whatsapp');
  const ids = messageIds(events.length);
  const [event] = events;
  const [thread] = threads;
  if (events.length === 1 && event && thread) {
    return {
      ...APPEND_MESSAGE,
      values: [
        version,
        opensWindows,
        thread.bytes,
        thread.tenantId,
        keyDigest(event.dedupeKey),
        ids[0],
        event.providerMessageId,
        JSON.stringify(event.content),
        JSON.stringify(event.raw),
      ],
    };
  }
  const { lanes, places, after } = placed(threads);
  return {
    ...APPEND_MESSAGES,
    values: [
      version,
      opensWindows,
      binaryArray('uuid', lanes, ({ thread }) => thread.bytes),
      binaryArray('text', lanes, ({ thread }) => thread.tenantId),
      binaryIntegers(lanes.map(({ count }) => count)),
      binaryArray('bytea', events, ({ dedupeKey }) => keyDigest(dedupeKey)),
      binaryArray('uuid', ids, (id) => id),
      binaryIntegers(places),
      binaryIntegers(after),
      binaryArray('text', events, ({ providerMessageId }) => providerMessageId),
      binaryArray('json', events, ({ content }) => JSON.stringify(content)),
      binaryArray('json', events, ({ raw }) => JSON.stringify(raw)),
    ],
  };
}

interface Place {
  thread: KnownThread;
  /** From 1, as Postgres counts. */
  at: number;
  count: number;
}

/**
 * The lanes of these threads, each once and in the order in which they are locked; and by message, the place of its lane in
 * there and how many messages come after it in the same lane.
 */
function placed(threads: KnownThread[]): { lanes: Place[]; places: number[]; after: number[] } {
  const byThread = new Map<string, Place>();
  const own = threads.map((thread) => {
    let lane = byThread.get(thread.id);
    if (!lane) byThread.set(thread.id, (lane = { thread, at: 0, count: 0 }));
    lane.count += 1;
    return { lane, nth: lane.count };
  });
  const lanes = [...byThread.values()].sort((a, b) => (a.thread.id < b.thread.id ? -1 : 1));
  lanes.forEach((lane, n) => (lane.at = n + 1));
  return {
    lanes,
    places: own.map(({ lane }) => lane.at),
    after: own.map(({ lane, nth }) => lane.count - nth),
  };
}

/** A stock of randomness: one draw costs as much for 4,096 bytes as for 16. */
const random = Buffer.alloc(256 * UUID_BYTES);
let randomAt = random.length;

/** UUIDv7 of one instant, in order. */
function messageIds(count: number): Buffer[] {
  const msecs = Date.now();
  const first = takeRandom().readUInt32BE() >>> 1;
  return Array.from({ length: count }, (_, n) =>
    uuid({ msecs, seq: first + n, random: takeRandom() }, Buffer.allocUnsafe(UUID_BYTES)),
  );
}

function takeRandom(): Buffer {
  if (randomAt === random.length) {
    randomFillSync(random);
    randomAt = 0;
  }
  return random.subarray(randomAt, (randomAt += UUID_BYTES));
}

/** A name is for showing; Postgres' text takes no NUL. The name as it came stays in the message's parameters. */
function storable(name: string | undefined): string | null {
  return name?.replaceAll('\0', '') || null;
}
