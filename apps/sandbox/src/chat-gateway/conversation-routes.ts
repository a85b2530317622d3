import { type Answer, type Call, emptyAnswer } from '../common/http.js';
import type { SimulatorServer } from '../common/server.js';
import { registerAttachmentRoutes, type AttachmentSettings } from './attachment-routes.js';
import type { Attachments } from './attachments.js';
import { registerCardRoutes } from './cards.js';
import {
  type Conversation,
  conversationResource,
  messageResource,
  participantResources,
  presentAgents,
} from './conversation.js';
import type { Desk } from './desk.js';
import { halList, halResource } from './lists.js';
import { registerPostAgentRoutes } from './post-agent-routes.js';
import { entityNotFound, generalError, invalidField, notFound } from './problems.js';
import { isAnswer, parseJson, readAssignment, readCreate, readMessage, readUser } from './requests.js';
import type { Channel, Webhook } from './setup-routes.js';

export interface ConversationSettings extends AttachmentSettings {
  /** What a message before `active` is answered. */
  beforeActive: 'accept' | '404' | '409';
  /** What a message to a conversation that is over is answered. */
  whenIdle: '404' | '409';
  /** Whether messages of the create's history stand in the conversation's list. */
  listHistory: boolean;
  /** Fields that the filter of the conversation list knows. */
  filterFields: string[];
  /** What an update to a queue that does not exist is answered: refused, or accepted without any effect. */
  unknownQueueUpdate: 'refuse' | 'ignore';
}

export interface ConversationContext {
  tenantId: string;
  desk: Desk;
  channels: ReadonlyMap<string, Channel>;
  webhooks: ReadonlyMap<string, Webhook>;
  hasQueue: (id: string) => boolean;
  settings: () => ConversationSettings;
  attachments: Attachments;
  useUpFailure: () => boolean;
}

const BASE = '/chat-gateway/v1/conversations';

/** The life of a conversation over the API. */
export function registerConversationRoutes(server: SimulatorServer, context: ConversationContext): void {
  const { desk, settings } = context;
  /** Runs the handler with the conversation of the path, or answers 404. */
  const found =
    <T extends Answer | Promise<Answer>>(
      handle: (call: Call, conversation: Conversation) => T,
      missing = notFound,
    ) =>
    (call: Call): T | Answer => {
      const id = call.params['conversationId'] ?? '';
      const conversation = desk.get(id);
      return conversation === undefined ? missing('Conversation', id) : handle(call, conversation);
    };

  server.operation('conversations.list', 'GET', BASE, (call) =>
    halList(call, desk.conversations.map(conversationResource), {
      plural: 'conversations',
      sortFields: ['id'],
      defaultSort: 'id:asc',
      filterFields: settings().filterFields,
    }),
  );
  server.operation('conversations.create', 'POST', BASE, (call) => create(call, context));
  server.operation(
    'conversations.get',
    'GET',
    `${BASE}/:conversationId`,
    found((_call, conversation) => halResource(200, conversationResource(conversation))),
  );
  for (const method of ['PUT', 'PATCH'] as const) {
    server.operation(
      'conversations.update',
      method,
      `${BASE}/:conversationId`,
      found((call, conversation) => update(call, conversation, context)),
    );
  }
  server.operation(
    'interactions.list',
    'GET',
    `${BASE}/:conversationId/interactions`,
    found((call, conversation) => {
      const { id, createdAtMs, endedAtMs } = conversation;
      const startTime = new Date(createdAtMs).toISOString();
      const ended = endedAtMs === null ? {} : { endTime: new Date(endedAtMs).toISOString() };
      const rules = { sortFields: ['id'], defaultSort: 'id:asc', filterFields: [], plural: 'interactions' };
      return halList(call, [{ id: `int-${id}`, startTime, ...ended }], rules);
    }),
  );
  server.operation(
    'participants.list',
    'GET',
    `${BASE}/:conversationId/participants`,
    found((call, conversation) => {
      const rules = { sortFields: ['id'], defaultSort: 'id:asc', filterFields: [], plural: 'participants' };
      return halList(call, participantResources(conversation), rules);
    }, entityNotFound),
  );
  server.operation(
    'participants.leave',
    'PATCH',
    `${BASE}/:conversationId/participants/user`,
    found((call, conversation) => {
      if (parseJson(call.body)?.['removed'] !== true) {
        return generalError(400, 'invalid_parameter', 'removed must be true.');
      }
      desk.leaveAsCustomer(conversation);
      return emptyAnswer(204);
    }),
  );
  registerMessageRoutes(server, context, found);
  registerAttachmentRoutes(server, context, found);
  registerPostAgentRoutes(server, context, found);
  registerCardRoutes(server, context, found);
}

export type WithConversation = <T extends Answer | Promise<Answer>>(
  handle: (call: Call, conversation: Conversation) => T,
  missing?: (type: string, id: string) => Answer,
) => (call: Call) => T | Answer;

function registerMessageRoutes(
  server: SimulatorServer,
  context: ConversationContext,
  found: WithConversation,
): void {
  const { desk, settings, attachments } = context;
  const listed = (conversation: Conversation): Record<string, unknown>[] =>
    conversation.messages
      .filter(({ history }) => !history || settings().listHistory)
      .map((message) =>
        messageResource(message, conversation.user['language'], (one) => attachments.reference(one)),
      );

  server.operation(
    'messages.list',
    'GET',
    `${BASE}/:conversationId/messages`,
    found((call, conversation) => {
      const rules = {
        sortFields: ['createdAt'],
        defaultSort: 'createdAt:desc',
        filterFields: [],
        plural: 'messages',
      };
      return halList(call, listed(conversation), rules);
    }, entityNotFound),
  );
  server.operation(
    'messages.create',
    'POST',
    `${BASE}/:conversationId/messages`,
    found((call, conversation) => {
      const refused = refusedByState(conversation, settings());
      if (refused !== undefined) return refused;
      const message = readMessage(parseJson(call.body), (id) => {
        const attachment = attachments.get(id);
        return attachment?.conversationId === conversation.id ? attachment : undefined;
      });
      if (isAnswer(message)) return message;
      if (message.authorType === 'agent') return emptyAnswer(202);
      const { attachments: named, cards } = message;
      desk.post(conversation, message.authorType, message.text, { attachments: named, cards });
      return emptyAnswer(202);
    }),
  );
  server.operation(
    'messages.get',
    'GET',
    `${BASE}/:conversationId/messages/:messageId`,
    found((call, conversation) => {
      const id = call.params['messageId'] ?? '';
      const message = listed(conversation).find((candidate) => candidate['id'] === id);
      return message === undefined ? notFound('Message', id) : halResource(200, message);
    }),
  );
  for (const kind of ['typing', 'thinking', 'read-receipt'] as const) {
    server.operation(
      `${kind}.create`,
      'POST',
      `${BASE}/:conversationId/${kind}`,
      found((call, conversation) => {
        const body = parseJson(call.body) ?? (kind === 'thinking' ? { authorType: 'bot' } : {});
        const { authorType, readAt } = body;
        const known = authorType === 'bot' || (authorType === 'user' && kind !== 'thinking');
        if (!known) return generalError(400, 'invalid_parameter', `Invalid authorType=${String(authorType)}`);
        if (kind === 'read-receipt' && !Number.isInteger(readAt)) {
          return generalError(400, 'invalid_parameter', 'readAt must be an instant in milliseconds.');
        }
        desk.note(kind, conversation, body);
        return emptyAnswer(204);
      }, entityNotFound),
    );
  }
}

function create(call: Call, context: ConversationContext): Answer {
  const wanted = readCreate(call.body, (id) => context.attachments.get(id));
  if (isAnswer(wanted)) return wanted;
  const { channelId } = wanted;
  const channel = context.channels.get(channelId);
  if (channel === undefined) {
    return invalidField('channelId', channelId, 'invalid_parameter', `Channel ID ${channelId} is invalid.`);
  }
  const assignment = wanted.assignment ?? channel.routingOptions;
  if (assignment.type === 'queue' && !context.hasQueue(assignment.id)) return invalidQueue(assignment.id);
  const queueId = assignment.type === 'queue' ? assignment.id : channel.routingOptions.id;
  const { user, history, historyAsSent } = wanted;
  const conversation = context.desk.create({ channelId, user, assignment, queueId, history, historyAsSent });
  const createdAt = new Date(conversation.createdAtMs).toISOString();
  return halResource(202, { conversationId: conversation.id, createdAt });
}

/** PUT replaces the customer's data, PATCH adds to it. The answer still has the old assignment. */
function update(call: Call, conversation: Conversation, context: ConversationContext): Answer {
  const body = parseJson(call.body);
  if (body === undefined) return generalError(400, 'invalid_json_object', 'The body is not a JSON object.');
  if (conversation.state === 'idle')
    return generalError(400, 'invalid_parameter', 'The conversation is over.');
  const changes: Parameters<Desk['update']>[1] = {};
  if (body['user'] !== undefined) {
    const user = readUser(body['user']);
    if (isAnswer(user)) return user;
    changes.user = call.method === 'PATCH' ? { ...conversation.user, ...user } : user;
  }
  const assignment = readAssignment(body['assignment']);
  if (isAnswer(assignment)) return assignment;
  if (assignment !== undefined) {
    const unknown = assignment.type === 'queue' && !context.hasQueue(assignment.id);
    if (unknown && context.settings().unknownQueueUpdate === 'refuse') return invalidQueue(assignment.id);
    if (presentAgents(conversation).length > 0) {
      return generalError(400, 'invalid_parameter', 'The conversation is with an agent.');
    }
    if (!unknown) changes.assignment = assignment;
  }
  const { channelId } = body;
  if (typeof channelId === 'string' && call.method === 'PUT') {
    if (!context.channels.has(channelId)) {
      return invalidField('channelId', channelId, 'invalid_parameter', `Channel ID ${channelId} is invalid.`);
    }
    changes.channelId = channelId;
  }
  context.desk.update(conversation, changes);
  return halResource(202, conversationResource(conversation));
}

function invalidQueue(id: string): Answer {
  return invalidField('assignment.id', id, 'invalid_queue', `Queue ID ${id} is invalid.`);
}

function refusedByState(conversation: Conversation, settings: ConversationSettings): Answer | undefined {
  const verdict =
    conversation.state === 'idle'
      ? settings.whenIdle
      : conversation.state === 'created'
        ? settings.beforeActive
        : 'accept';
  if (verdict === 'accept') return undefined;
  if (verdict === '404') return notFound('Conversation', conversation.id);
  return generalError(409, 'invalid_state', `The conversation is ${conversation.state}.`);
}
