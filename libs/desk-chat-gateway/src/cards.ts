import { isDeepStrictEqual } from 'node:util';
import type { CallContext, CardSubmission } from '#core';
import type { MessagesApi } from './api/messages.js';
import { asArray, asObject, asText, type JsonObject } from './json.js';

/** Which operation takes an action, and which mark of a card says that it was taken. */
const ACTIONS = {
  submit: { operation: 'action-submit', mark: 'actionSubmitted' },
  execute: { operation: 'action-execute', mark: 'actionExecuted' },
} as const;
/** Messages whose cards the list leaves out and that may hold the one looked for: the nearest in time are asked. */
const MAX_ASKED = 5;

interface Found {
  card: JsonObject;
  messageId: string | undefined;
}

/**
 * Marks a card as submitted or executed, unless it is. Events name no cards, so it is the one with this content in the message
 * list, the nearest to its announcement where several are alike. Source: the published OpenAPI document, tag Cards.
 */
export async function submitCard(
  api: MessagesApi,
  listMessages: () => Promise<JsonObject[]>,
  submission: CardSubmission,
  within: () => CallContext,
): Promise<'submitted' | 'already' | 'no-card'> {
  const { deskConversationId, action, data, title } = submission;
  const cardsOf = async (messageId: string) =>
    (await api.cards(deskConversationId, messageId, within())).map((card) => ({ ...card }));
  const found = await findCard(await listMessages(), submission, cardsOf);
  const cardId = asText(found?.['id']);
  if (!found || cardId === undefined) return 'no-card';
  const { operation, mark } = ACTIONS[action];
  if (found[mark] === true) return 'already';
  // `name` is the only member that the document gives; the event that tells of the action shows the data's own.
  const body = { name: title, ...data };
  await api.act(deskConversationId, cardId, operation, body, within());
  return 'submitted';
}

async function findCard(
  messages: JsonObject[],
  submission: CardSubmission,
  cardsOf: (messageId: string) => Promise<JsonObject[]>,
): Promise<JsonObject | undefined> {
  const nearest = messages
    .filter(({ author }) => asObject(author)['type'] !== 'user')
    .sort((a, b) => distance(a, submission) - distance(b, submission));
  const listed = nearest.flatMap((message): Found[] =>
    asArray(message['cards']).map((card) => ({ card: asObject(card), messageId: asText(message['id']) })),
  );
  const same = listed.find(({ card }) => isSame(card, submission));
  if (same && asText(same.card['id']) !== undefined) return same.card;
  // A list of short entries: the message's own cards say more.
  const asked = same
    ? [same.messageId]
    : nearest.filter(({ cards }) => cards === undefined).map(({ id }) => asText(id));
  for (const messageId of asked.slice(0, MAX_ASKED)) {
    if (messageId === undefined) continue;
    const card = (await cardsOf(messageId)).find((one) => isSame(one, submission));
    if (card) return card;
  }
  return undefined;
}

function distance({ createdAt }: JsonObject, { announcedAt }: CardSubmission): number {
  const at = Date.parse(asText(createdAt) ?? '');
  return Number.isNaN(at) ? Infinity : Math.abs(at - announcedAt);
}

function isSame({ contentType, content }: JsonObject, { card }: CardSubmission): boolean {
  const isSameType =
    contentType === undefined || card.contentType === undefined || contentType === card.contentType;
  return isSameType && isDeepStrictEqual(content ?? {}, card.content);
}
