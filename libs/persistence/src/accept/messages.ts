import { v7 as uuid } from 'uuid';
import type { AcceptResult, InboundMessageReceived, WakeUp } from '#core';
import type { Queryable } from '../database.js';
import { keyDigest } from './keys.js';

export interface Accepted {
  results: AcceptResult[];
  wakeUps: WakeUp[];
}

const ACCEPT_MESSAGES = {
  name: 'accept-messages',
  text: 'select * from accept_messages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)',
};

interface Row {
  ord: number;
  lane_id: string;
  lane_direction: 'inbound' | 'outbound';
}

/** Commits messages from customers in one round trip. No key may stand twice in `events`. */
export async function acceptMessages(db: Queryable, events: InboundMessageReceived[]): Promise<Accepted> {
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
  const lanes = new Map(rows.map((row) => [row.lane_id, row.lane_direction]));
  return { results, wakeUps: [...lanes].map(([laneId, direction]) => ({ laneId, direction })) };
}

/** A name is for showing; Postgres' text takes no NUL. The name as it came stays in the message's parameters. */
function storable(name: string | undefined): string | null {
  return name?.replaceAll('\0', '') || null;
}
