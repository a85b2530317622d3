import { randomBytes } from 'node:crypto';
import { v7 as uuid } from 'uuid';
import type { AcceptResult, InboundMessageReceived, WakeUp } from '#core';
import type { Queryable } from '../database.js';
import { binaryArray } from './binary-array.js';
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

// The version is read no later than the threads are looked up: it stands in the snapshot in which this statement starts.
const ACCEPT_MESSAGES = {
  name: 'accept-messages',
  text: `select a.ord, a.lane_id, a.lane_direction,
      (select l.thread_id from lanes l where l.id = a.lane_id) as thread_id,
      (select d.version from thread_directory d) as version
    from accept_messages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) a`,
};

interface Row {
  ord: number;
  lane_id: string;
  lane_direction: 'inbound' | 'outbound';
  /** Null where the lane was made by this statement. */
  thread_id: string | null;
  /** Null where somebody has emptied the directory: then nothing is remembered. */
  version: string | null;
}

/** Commits messages from customers in one round trip, and remembers their threads. No key may stand twice. */
export async function acceptMessages(
  db: Queryable,
  messages: LaneMessage[],
  known: KnownThreads,
): Promise<Accepted> {
  const events = messages.map(({ event }) => event);
  const { rows } = await db.query<Row>({
    ...ACCEPT_MESSAGES,
    values: [
      events.map((event) => event.tenantId),
      events.map((event) => keyDigest(event.dedupeKey)),
      events.map(() => uuid()),
      events.map((event) => event.channel),
      events.map((event) => event.account),
      events.map((event) => event.to),
      events.map((event) => event.serviceId ?? null),
      events.map((event) => event.from),
      events.map((event) => event.aliases[0]?.value ?? event.from),
      events.map((event) => event.aliases[1]?.value ?? null),
      events.map((event) => storable(event.profileName)),
      events.map((event) => event.providerMessageId),
      events.map((event) => JSON.stringify(event.content)),
      events.map((event) => JSON.stringify(event.raw)),
    ],
  });
  const results = events.map((): AcceptResult => 'duplicate');
  for (const row of rows) if (row.ord > 0) results[row.ord - 1] = 'accepted';
  remember(rows, messages, known);
  const lanes = new Map(rows.map((row) => [row.lane_id, row.lane_direction]));
  return { results, wakeUps: [...lanes].map(([laneId, direction]) => ({ laneId, direction })) };
}

/** Of messages that speak of the same people only the last one tells how things are after them. */
function remember(rows: Row[], messages: LaneMessage[], known: KnownThreads): void {
  const newest = new Map<string, LaneMessage>();
  for (const message of messages) {
    for (const { value } of message.event.aliases) newest.set(value, message);
  }
  for (const { ord, lane_id, thread_id, version } of rows) {
    const message = messages[ord - 1];
    if (!message || thread_id === null || version === null) continue;
    const { lane, event } = message;
    if (event.aliases.some(({ value }) => newest.get(value) !== message)) continue;
    known.remember(version, lane, event, { threadId: uuidBytes(thread_id), laneId: lane_id });
  }
}

const ACCEPT_KNOWN_MESSAGES = {
  name: 'accept-known-messages',
  text: 'select * from accept_known_messages($1, $2, $3, $4, $5, $6, $7, $8, $9)',
};

interface KnownRow {
  version: string | null;
  duplicates: number[] | null;
  opened: string[] | null;
}

/**
 * Commits messages of known threads in one round trip, without looking anything up. Undefined, with nothing stored, when
 * what is known has become out of date, and forgets it.
 */
export async function acceptKnownMessages(
  db: Queryable,
  events: InboundMessageReceived[],
  threads: KnownThread[],
  known: KnownThreads,
): Promise<Accepted | undefined> {
  const { rows } = await db.query<KnownRow>({
    ...ACCEPT_KNOWN_MESSAGES,
    values: [
      known.version,
      binaryArray('text', events, (event) => event.tenantId),
      binaryArray('uuid', threads, (thread) => thread.threadId),
      binaryArray('bytea', events, (event) => keyDigest(event.dedupeKey)),
      binaryArray('uuid', messageIds(events.length), (id) => id),
      binaryArray('text', events, (event) => event.providerMessageId),
      binaryArray('json', events, (event) => JSON.stringify(event.content)),
      binaryArray('json', events, (event) => JSON.stringify(event.raw)),
      events.some((event) => event.channel === 'whatsapp'),
    ],
  });
  const [answer] = rows;
  if (answer) known.moveTo(answer.version);
  if (!answer?.duplicates) return undefined;
  const duplicates = new Set(answer.duplicates);
  const results = events.map((_, n): AcceptResult => (duplicates.has(n + 1) ? 'duplicate' : 'accepted'));
  const lanes = new Set(threads.filter((_, n) => results[n] === 'accepted').map(({ laneId }) => laneId));
  return {
    results,
    wakeUps: [
      ...[...lanes].map((laneId): WakeUp => ({ laneId, direction: 'inbound' })),
      ...(answer.opened ?? []).map((laneId): WakeUp => ({ laneId, direction: 'outbound' })),
    ],
  };
}

/** UUIDv7 of one instant, in order; their randomness is drawn together, which is many times faster. */
function messageIds(count: number): Buffer[] {
  const msecs = Date.now();
  const random = randomBytes(count * UUID_BYTES);
  const first = random.readUInt32BE() >>> 1;
  return Array.from({ length: count }, (_, n) => {
    const own = random.subarray(n * UUID_BYTES, (n + 1) * UUID_BYTES);
    return uuid({ msecs, seq: first + n, random: own }, Buffer.allocUnsafe(UUID_BYTES));
  });
}

function uuidBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

/** A name is for showing; Postgres' text takes no NUL. The name as it came stays in the message's parameters. */
function storable(name: string | undefined): string | null {
  return name?.replaceAll('\0', '') || null;
}
