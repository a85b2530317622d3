import { type Answer, answer, type Call, emptyAnswer, isRecord } from '../common/http.js';
import type { SimulatorServer } from '../common/server.js';
import { halList, halResource } from './lists.js';
import { generalError, invalidField, invalidMessage, notFound } from './problems.js';
import type { SigningKey } from './signing.js';
import { parseJson } from './requests.js';

export const EVENT_VERSION = 'Chat Gateway v1.0';

export interface Webhook extends Record<string, unknown> {
  id: string;
  name: string;
  uri: string;
  version: string;
}

export interface Channel extends Record<string, unknown> {
  id: string;
  name: string;
  type: string;
  webHookId: string;
  routingOptions: { type: string; id: string };
}

export interface SetupContext {
  webhooks: Map<string, Webhook>;
  channels: Map<string, Channel>;
  keys: ReadonlyMap<string, SigningKey>;
  hasQueue(id: string): boolean;
  /** Calls the URL with `WEB_HOOK_VERIFY`; true for a 2xx. */
  verify(uri: string, version: string): Promise<boolean>;
}

const BASE = '/chat-gateway/v1';
const LIST = {
  sortFields: ['id', 'name'],
  defaultSort: 'id:asc',
  filterFields: ['id', 'name', 'type', 'webHookId'],
};

/** What is set up once: webhooks, channels, signing keys. */
export function registerSetupRoutes(server: SimulatorServer, context: SetupContext): void {
  const { webhooks, channels } = context;

  server.operation('webhooks.list', 'GET', `${BASE}/webhooks`, (call) =>
    halList(call, [...webhooks.values()], { ...LIST, plural: 'webhooks' }),
  );
  server.operation('webhooks.create', 'POST', `${BASE}/webhooks`, (call) =>
    keepWebhook(call, nextId(webhooks), webhooks),
  );
  server.operation('webhooks.verify', 'POST', `${BASE}/webhooks/verify`, async (call) => {
    const body = parseJson(call.body);
    const uri = body?.['uri'];
    if (typeof uri !== 'string' || !URL.canParse(uri)) {
      return invalidField('uri', uri, 'invalid_parameter', 'uri must be an absolute URI.');
    }
    const version = body?.['version'];
    const reached = await context.verify(uri, typeof version === 'string' ? version : EVENT_VERSION);
    return reached
      ? emptyAnswer(204)
      : generalError(400, 'invalid_webhook', 'The webhook did not answer 2xx.');
  });
  server.operation('webhooks.get', 'GET', `${BASE}/webhooks/:webhookId`, (call) =>
    read(webhooks, call.params['webhookId'], 'Webhook'),
  );
  server.operation('webhooks.replace', 'PUT', `${BASE}/webhooks/:webhookId`, (call) => {
    const id = call.params['webhookId'] ?? '';
    return webhooks.has(id) ? keepWebhook(call, id, webhooks) : notFound('Webhook', id);
  });
  server.operation('webhooks.delete', 'DELETE', `${BASE}/webhooks/:webhookId`, (call) =>
    remove(webhooks, call.params['webhookId'], 'Webhook'),
  );

  server.operation('channels.list', 'GET', `${BASE}/channels`, (call) =>
    halList(call, [...channels.values()], { ...LIST, plural: 'channels' }),
  );
  server.operation('channels.create', 'POST', `${BASE}/channels`, (call) =>
    keepChannel(call, nextId(channels), context),
  );
  server.operation('channels.get', 'GET', `${BASE}/channels/:channelId`, (call) =>
    read(channels, call.params['channelId'], 'Channel'),
  );
  server.operation('channels.replace', 'PUT', `${BASE}/channels/:channelId`, (call) => {
    const id = call.params['channelId'] ?? '';
    return channels.has(id) ? keepChannel(call, id, context) : notFound('Channel', id);
  });
  server.operation('channels.delete', 'DELETE', `${BASE}/channels/:channelId`, (call) =>
    remove(channels, call.params['channelId'], 'Channel'),
  );

  const key = (call: Call): Answer => {
    const found = context.keys.get(call.params['jwkId'] ?? '');
    if (found === undefined) return notFound('Jwk', call.params['jwkId'] ?? '');
    return answer(200, 'application/json', found.publicJwk);
  };
  server.operation('jwk.get', 'GET', `${BASE}/jwk/:jwkId/public`, key);
  // Older deployments serve the keys here.
  server.operation('jwk.get', 'GET', '/vcc/:region/chat/v2/jwk/:jwkId/public', key);
}

function keepWebhook(call: Call, id: string, webhooks: Map<string, Webhook>): Answer {
  const body = parseJson(call.body);
  if (body === undefined) return invalidMessage('The body is not a JSON object.');
  const { name, uri, version, notificationVersion } = body;
  if (typeof name !== 'string' || name === '' || name.length > 256) {
    return invalidField('name', name, 'invalid_parameter', 'name must have 1 to 256 characters.');
  }
  if (typeof uri !== 'string' || !URL.canParse(uri)) {
    return invalidField('uri', uri, 'invalid_parameter', 'uri must be an absolute URI.');
  }
  // The published schema requires one name and defines the other.
  if ((version ?? notificationVersion) !== EVENT_VERSION) {
    return invalidField('version', version, 'invalid_parameter', `version must be ${EVENT_VERSION}.`);
  }
  const webhook = { id, name, uri, version: EVENT_VERSION };
  webhooks.set(id, webhook);
  return halResource(200, webhook);
}

function keepChannel(call: Call, id: string, context: SetupContext): Answer {
  const body = parseJson(call.body);
  if (body === undefined) return invalidMessage('The body is not a JSON object.');
  const { name, type = 'ChatAPI', webHookId, routingOptions } = body;
  if (typeof name !== 'string' || name === '' || name.length > 255) {
    return invalidField('name', name, 'invalid_parameter', 'name must have 1 to 255 characters.');
  }
  if (type !== 'ChatAPI')
    return invalidField('type', type, 'invalid_parameter', 'Only ChatAPI channels can be made.');
  if (typeof webHookId !== 'string' || !context.webhooks.has(webHookId)) {
    return invalidField('webHookId', webHookId, 'invalid_parameter', 'The webhook does not exist.');
  }
  const queueId = isRecord(routingOptions) ? routingOptions['id'] : undefined;
  if (typeof queueId !== 'string' || !context.hasQueue(queueId)) {
    return invalidField(
      'routingOptions.id',
      queueId,
      'invalid_queue',
      `Queue ID ${String(queueId)} is invalid.`,
    );
  }
  const channel = { id, name, type, webHookId, routingOptions: { type: 'queue', id: queueId } };
  context.channels.set(id, channel);
  return halResource(200, channel);
}

function read(resources: ReadonlyMap<string, object>, id: string | undefined, type: string): Answer {
  const found = resources.get(id ?? '');
  return found === undefined ? notFound(type, id ?? '') : halResource(200, found);
}

function remove(resources: Map<string, object>, id: string | undefined, type: string): Answer {
  return resources.delete(id ?? '') ? emptyAnswer(204) : notFound(type, id ?? '');
}

function nextId(resources: ReadonlyMap<string, object>): string {
  const numbers = [...resources.keys()].map(Number).filter((number) => Number.isInteger(number));
  return String(Math.max(0, ...numbers) + 1);
}
