import type { BridgeLink, BridgeMessage } from './state.js';

/** What the clocks of two processes may differ by, and what is rounded. */
const CLOCKS_MS = 1000;

/**
 * Which bubble became, or came from, which message of the bridge. Neither side names the other's id, but both keep the order:
 * from the newest backwards each bubble takes the newest message of the same text that is still free and was not accepted
 * before the bubble was written. A bubble that the bridge never took goes without.
 *
 * @param bubbles oldest first
 * @param messages those of the same person and direction, in any order
 */
export function linkBubbles(
  bubbles: readonly { id: string; text: string; at: string }[],
  messages: readonly BridgeMessage[],
): Map<string, BridgeLink> {
  const links = new Map<string, BridgeLink>();
  const byText = new Map<string, BridgeMessage[]>();
  for (const message of messages.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    byText.set(message.text, [...(byText.get(message.text) ?? []), message]);
  }
  for (const bubble of bubbles.toReversed()) {
    const alike = byText.get(bubble.text);
    const newest = alike?.at(-1);
    if (!newest || Date.parse(newest.acceptedAt) < Date.parse(bubble.at) - CLOCKS_MS) continue;
    alike?.pop();
    links.set(bubble.id, linkTo(newest));
  }
  return links;
}

/**
 * The other way round: which message of the bridge each bubble came from. What was sent again makes bubbles beyond the messages; they
 * belong to the one that is marked as a possible duplicate.
 */
export function linkArrivals(
  bubbles: readonly { id: string; text: string; at: string }[],
  messages: readonly BridgeMessage[],
): Map<string, BridgeLink> {
  const links = new Map<string, BridgeLink>();
  const alike = Map.groupBy(bubbles, ({ text }) => text);
  for (const [text, copies] of alike) {
    const sources = messages
      .filter((message) => message.text === text)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
    let surplus = copies.length - sources.length;
    let at = 0;
    for (const { id } of copies) {
      const source = sources[at];
      if (!source) break;
      links.set(id, linkTo(source));
      if (source.possibleDuplicate && surplus > 0) surplus -= 1;
      else at += 1;
    }
  }
  return links;
}

/**
 * For what the bridge words in its own way at the desk (a place, a contact, a picture without words): a bubble belongs to the message
 * of which an attempt was under way when it came. Attempts of one lane never overlap.
 */
export function linkByAttempt(
  bubbles: readonly { id: string; at: string }[],
  messages: readonly BridgeMessage[],
): Map<string, BridgeLink> {
  const links = new Map<string, BridgeLink>();
  for (const { id, at } of bubbles) {
    const source = messages.find(({ attempts }) =>
      attempts.some(({ startedAt, endedAt }) => startedAt <= at && (endedAt === undefined || at <= endedAt)),
    );
    if (source) links.set(id, linkTo(source));
  }
  return links;
}

/** A text on a phone names the attempt that brought it: Twilio's sid is the attempt's provider id. */
export function linkByProviderId(
  bubbles: readonly { id: string }[],
  messages: readonly BridgeMessage[],
): Map<string, BridgeLink> {
  const byProviderId = new Map<string, BridgeMessage>();
  for (const message of messages) {
    for (const { providerId } of message.attempts) if (providerId) byProviderId.set(providerId, message);
  }
  const links = new Map<string, BridgeLink>();
  for (const { id } of bubbles) {
    const message = byProviderId.get(id);
    if (message) links.set(id, linkTo(message));
  }
  return links;
}

function linkTo(message: BridgeMessage): BridgeLink {
  const { id, delivery, reason, receipt, possibleDuplicate, destination } = message;
  return {
    id,
    delivery,
    possibleDuplicate,
    ...(reason !== undefined && { reason }),
    ...(receipt !== undefined && { receipt }),
    ...(destination && { destination }),
  };
}
