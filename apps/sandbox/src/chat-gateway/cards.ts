import { emptyAnswer } from '../common/http.js';
import type { SimulatorServer } from '../common/server.js';
import { cardResources } from './conversation.js';
import type { WithConversation } from './conversation-routes.js';
import type { Desk } from './desk.js';
import { halList } from './lists.js';
import { entityNotFound, generalError, notFound } from './problems.js';
import { parseJson } from './requests.js';

const CONVERSATION = '/chat-gateway/v1/conversations/:conversationId';
const CARD = '/api/v1/tenant/:tenantId/conversations/:conversationId/cards/:cardId';
const ACTIONS = {
  'action-submit': { mark: 'actionSubmitted', type: 'Action.Submit' },
  'action-execute': { mark: 'actionExecuted', type: 'Action.Execute' },
} as const;

/** Reading cards, and what is pressed on them. Both actions mark the card and tell everybody by an event. */
export function registerCardRoutes(
  server: SimulatorServer,
  { desk, tenantId }: { desk: Desk; tenantId: string },
  found: WithConversation,
): void {
  server.operation(
    'cards.list',
    'GET',
    `${CONVERSATION}/messages/:messageId/cards`,
    found((call, conversation) => {
      const id = call.params['messageId'] ?? '';
      const message = conversation.messages.find((candidate) => candidate.id === id);
      if (message === undefined) return notFound('Message', id);
      const createdAt = new Date(message.createdAtMs).toISOString();
      const cards = cardResources(message).map((card) => ({ createdAt, ...card }));
      const rules = {
        sortFields: ['createdAt'],
        defaultSort: 'createdAt:asc',
        filterFields: [],
        plural: 'cards',
      };
      return halList(call, cards, rules);
    }),
  );
  for (const [operation, { mark, type }] of Object.entries(ACTIONS)) {
    server.operation(
      `cards.${operation}`,
      'PUT',
      `${CARD}/${operation}`,
      found((call, conversation) => {
        const tenant = call.params['tenantId'] ?? '';
        if (tenant !== tenantId) return entityNotFound('Tenant', tenant);
        const id = call.params['cardId'] ?? '';
        const message = conversation.messages.find((one) =>
          one.cards.some((_, n) => `${one.id}-${n}` === id),
        );
        if (message === undefined) return entityNotFound('Card', id);
        const data = parseJson(call.body);
        if (data === undefined)
          return generalError(400, 'invalid_json_object', 'The body is not a JSON object.');
        const index = Number(id.slice(message.id.length + 1));
        message.cardMarks ??= new Map();
        const before = message.cardMarks.get(index) ?? { actionSubmitted: false, actionExecuted: false };
        message.cardMarks.set(index, { ...before, [mark]: true, data });
        desk.actOnCard(conversation, id, { type, data });
        return emptyAnswer(204);
      }, entityNotFound),
    );
  }
}
