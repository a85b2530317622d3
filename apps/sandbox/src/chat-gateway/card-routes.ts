import { type Call, emptyAnswer, isRecord } from '../common/http.js';
import type { SimulatorServer } from '../common/server.js';
import { cardEvent, type Conversation } from './conversation.js';
import type { WithConversation } from './conversation-routes.js';
import type { Desk } from './desk.js';
import { halList } from './lists.js';
import { entityNotFound, generalError, notFound } from './problems.js';
import { parseJson } from './requests.js';

const RULES = {
  sortFields: ['createdAt'],
  defaultSort: 'createdAt:asc',
  filterFields: [],
  plural: 'cards',
};

const ACTIONS = [
  { name: 'action-submit', flag: 'actionSubmitted', type: 'Action.Submit' },
  { name: 'action-execute', flag: 'actionExecuted', type: 'Action.Execute' },
] as const;

interface Card extends Record<string, unknown> {
  id: string;
}

/** Cards of messages, and what became of them: that flag goes up and everybody hears of it. */
export function registerCardRoutes(server: SimulatorServer, desk: Desk, found: WithConversation): void {
  const flags = new WeakMap<Conversation, Map<string, Record<string, boolean>>>();
  const cardsOf = (conversation: Conversation, messageId?: string): Card[] =>
    conversation.messages
      .filter(({ id }) => messageId === undefined || id === messageId)
      .flatMap(({ id, cards, createdAtMs }) =>
        cards.filter(isRecord).map((card, n) => ({
          id: `${id}-${n}`,
          createdAt: new Date(createdAtMs).toISOString(),
          ...card,
          ...flags.get(conversation)?.get(`${id}-${n}`),
        })),
      );

  server.operation(
    'cards.list',
    'GET',
    '/chat-gateway/v1/conversations/:conversationId/messages/:messageId/cards',
    found((call, conversation) => {
      const messageId = call.params['messageId'] ?? '';
      const known = conversation.messages.some(({ id }) => id === messageId);
      return known ? halList(call, cardsOf(conversation, messageId), RULES) : notFound('Message', messageId);
    }),
  );
  for (const { name, flag, type } of ACTIONS) {
    server.operation(
      `cards.${name}`,
      'PUT',
      `/api/v1/tenant/:tenantId/conversations/:conversationId/cards/:cardId/${name}`,
      found((call: Call, conversation) => {
        const cardId = call.params['cardId'] ?? '';
        const body = parseJson(call.body);
        if (body === undefined)
          return generalError(400, 'invalid_parameter', 'The body is not a JSON object.');
        const card = cardsOf(conversation).find(({ id }) => id === cardId);
        if (card === undefined) return entityNotFound('Card', cardId);
        const ofConversation = flags.get(conversation) ?? new Map<string, Record<string, boolean>>();
        flags.set(conversation, ofConversation.set(cardId, { ...ofConversation.get(cardId), [flag]: true }));
        desk.note('card-action', conversation, { cardId, type, ...body });
        desk.tell(conversation, cardEvent(conversation, type, { cardId, ...body }));
        return emptyAnswer(204);
      }, entityNotFound),
    );
  }
}
