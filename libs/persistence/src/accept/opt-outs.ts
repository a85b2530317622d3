import type { InboundMessageReceived } from '#core';
import type { Queryable } from '../database.js';
import { keyDigest } from './keys.js';

/**
 * Keeps what customers said by STOP and START, once their messages are stored and before the webhook is answered: where this
 * fails the provider sends the message again, and what came before is kept then. The word that a customer said last counts, also
 * where an earlier one is heard of late.
 */
export async function recordKeywords(db: Queryable, events: InboundMessageReceived[]): Promise<void> {
  for (const { content, dedupeKey, writtenAt } of events) {
    const keyword = content.context?.keyword;
    if (keyword !== 'stop' && keyword !== 'start') continue;
    const word = [keyDigest(dedupeKey), keyword === 'stop'];
    if (writtenAt === undefined) await db.query('select record_keyword($1, $2)', word);
    else await db.query('select record_keyword($1, $2, $3)', [...word, writtenAt]);
  }
}
