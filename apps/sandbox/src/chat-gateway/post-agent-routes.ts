import { emptyAnswer, isRecord } from '../common/http.js';
import type { SimulatorServer } from '../common/server.js';
import type { WithConversation } from './conversation-routes.js';
import type { Desk } from './desk.js';
import { generalError, invalidField } from './problems.js';
import { parseJson } from './requests.js';
import type { Webhook } from './setup-routes.js';

const LIMITS = { maxTotalMinutes: [20, 600], userTimeoutInMinutes: [10, 300] } as const;

/** To whom a conversation goes when its agent is done; kept with the conversation and in the log. */
export function registerPostAgentRoutes(
  server: SimulatorServer,
  context: { desk: Desk; webhooks: ReadonlyMap<string, Webhook> },
  found: WithConversation,
): void {
  server.operation(
    'post-agent-assignment.create',
    'POST',
    '/chat-gateway/v1/conversations/:conversationId/post-agent-assignment',
    found((call, conversation) => {
      const body = parseJson(call.body);
      if (body === undefined)
        return generalError(400, 'invalid_json_object', 'The body is not a JSON object.');
      const { type = 'webhook', id, configuration = {} } = body;
      if (type !== 'webhook') return invalidField('type', type, 'invalid_parameter', 'type must be webhook.');
      if (typeof id !== 'string' || !context.webhooks.has(id)) {
        return invalidField('id', id, 'invalid_parameter', 'The webhook does not exist.');
      }
      if (!isRecord(configuration)) {
        return invalidField('configuration', '', 'invalid_parameter', 'configuration must be an object.');
      }
      for (const [field, [least, most]] of Object.entries(LIMITS)) {
        const minutes = configuration[field];
        const fits =
          typeof minutes === 'number' && Number.isInteger(minutes) && minutes >= least && minutes <= most;
        if (minutes !== undefined && !fits) {
          const message = `${field} must be between ${least} and ${most}.`;
          return invalidField(`configuration.${field}`, minutes, 'invalid_parameter', message);
        }
      }
      if (conversation.state === 'idle') {
        return generalError(400, 'invalid_parameter', 'The conversation is over.');
      }
      conversation.postAgent = { webhookId: id, configuration };
      context.desk.note('post-agent-assignment', conversation, body);
      return emptyAnswer(201);
    }),
  );
}
