import { DeliveryError, type FindSent, type PartContent, type SenderNumber, type SentCandidate } from '#core';
import { receiptOf } from './status.js';

/** A message of Twilio's list, as far as a look-up reads it. */
export interface ListedMessage {
  sid: string;
  from: string | null;
  messagingServiceSid: string | null;
  body: string | null;
  numMedia: string | null;
  direction: string;
  status: string;
  dateCreated: Date | null;
}

export const PAGE_SIZE = 50;
const MAX_PAGES = 20;
/** Answers of what has no such list, now or ever. */
export const NO_LOOK_UP: ReadonlySet<number> = new Set([404, 405, 410, 501]);

/**
 * Everything that was made for this customer since then, the newest first. There is no filter by creation, and `DateSent`
 * leaves out what is queued, so pages are read until one is older.
 */
export async function listedSince(
  pages: AsyncIterable<ListedMessage[]>,
  since: number,
): Promise<ListedMessage[]> {
  const found: ListedMessage[] = [];
  let read = 0;
  for await (const page of pages) {
    // Twilio tells whole seconds.
    const young = page.filter(({ dateCreated }) => (dateCreated?.getTime() ?? since) + 1_000 > since);
    found.push(...young);
    if (young.length < page.length) return found;
    read += 1;
    if (read >= MAX_PAGES) throw new DeliveryError('not-sent', { code: 'list-too-long' });
  }
  return found;
}

/** Those of the list that an attempt of this part may have left, the oldest first. */
export function candidates(listed: ListedMessage[], request: FindSent): SentCandidate[] {
  const sids = new Set(listed.map(({ sid }) => sid));
  if (!request.known.every((sid) => sids.has(sid))) {
    throw new DeliveryError('not-sent', { code: 'list-incomplete' });
  }
  return listed
    .filter((message) => isSame(message, request))
    .map(({ sid, status }) => {
      const receipt = receiptOf(status);
      return { providerId: sid, ...(receipt && { receipt }) };
    })
    .toReversed();
}

function isSame(message: ListedMessage, { number, part }: FindSent): boolean {
  const service = number.messagingServiceSid;
  return (
    message.direction.startsWith('outbound') &&
    (message.from === number.address ||
      (message.messagingServiceSid !== null &&
        (message.messagingServiceSid === service || message.messagingServiceSid === number.address))) &&
    // What content looks like as a message is Twilio's affair: a template may even bring media.
    (part.content !== undefined || Number(message.numMedia ?? 0) === (part.media?.length ?? 0)) &&
    (isInTheirWords(part) || isAlterable(part, number) || (message.body ?? '') === (part.text ?? ''))
  );
}

/** Content and places are shown in Twilio's words. */
function isInTheirWords({ interactive, content, location }: PartContent): boolean {
  return (interactive ?? content ?? location) !== undefined;
}

/** Smart encoding, asked for by us or by a Messaging Service, puts plain characters in the place of typographic ones. */
export function isAlterable(
  { text = '' }: PartContent,
  { address, smartEncoding, ...number }: SenderNumber,
): boolean {
  const isEncoded = smartEncoding !== false || number.messagingServiceSid !== undefined;
  return isEncoded && !address.startsWith('whatsapp:') && /[^\n\r\x20-\x7e]/.test(text);
}
