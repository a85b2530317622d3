/**
 * Where the published documents contradict themselves or the facts sheets, and what is checked instead. Each entry changes
 * the document before it is compiled and must find what it changes (a test sees to it), so that an entry dies with
 * its reason.
 */
export interface Deviation {
  id: string;
  why: string;
  /** Applies it; false when there was nothing to change. */
  apply(document: JsonObject): boolean;
}

export type JsonObject = { [key: string]: unknown };

export const CHAT_GATEWAY_DEVIATIONS: readonly Deviation[] = [
  ...['MessageListResult', 'CardsListResult', 'AttachmentsResult', 'ConversationParticipants'].map(
    (schema): Deviation => ({
      id: `${schema}-required`,
      why: 'requires a top-level field that the same schema places under _embedded',
      apply: (document) => remove(document, ['components', 'schemas', schema, 'allOf', '0', 'required']),
    }),
  ),
  {
    id: 'jwk-is-an-object',
    why: 'the key is declared as a string, its example and the service are a JWK object',
    apply: (document) =>
      set(
        document,
        pathOfResponse('/chat-gateway/v1/jwk/{jwkId}/public', 'get', '200', 'application/json', 'schema'),
        {
          type: 'object',
          required: ['kty', 'e', 'kid', 'n'],
          properties: {
            kty: { enum: ['RSA'] },
            e: { type: 'string' },
            kid: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' },
            n: { type: 'string', minLength: 342 },
          },
        },
      ),
  },
  {
    id: 'attachment-required',
    why: 'requires size and type, which it does not define (it defines sizeInBytes)',
    apply: (document) =>
      set(
        document,
        ['components', 'schemas', 'AttachmentResult', 'required'],
        ['id', 'filename', 'sizeInBytes', 'createdAt'],
      ),
  },
  ...['startTime', 'endTime'].map((field): Deviation => ({
    id: `interaction-${field}`,
    why: 'declared as a date, its example is a date and a time',
    apply: (document) =>
      set(document, ['components', 'schemas', 'InteractionInfo', 'properties', field, 'format'], 'date-time'),
  })),
  {
    id: 'email-verbatim',
    why: "the guide's own example has an e-mail that is none; bodies are passed through as they are",
    apply: (document) => remove(document, [...USER, 'email', 'format']),
  },
  {
    id: 'properties-limit',
    why: 'limits an array with maxProperties, which means nothing there; 30 items are meant',
    apply: (document) => rename(document, [...USER, 'additionalProperties'], 'maxProperties', 'maxItems'),
  },
  {
    id: 'history-limit',
    why: 'limits an array with maxLength, which means nothing there; 200 items are meant',
    apply: (document) =>
      rename(
        document,
        'components.schemas.CreateTransactionRequest.allOf.3.properties.history.properties.messages'.split(
          '.',
        ),
        'maxLength',
        'maxItems',
      ),
  },
  {
    id: 'property-key-and-value',
    why: 'both key and value are required by the guide, not by the schema',
    apply: (document) =>
      set(
        document,
        ['components', 'schemas', 'AdditionalPropertiesPayload', 'allOf', '0', 'required'],
        ['key', 'value'],
      ),
  },
  {
    id: 'webhook-version-has-two-names',
    why: 'the create requires notificationVersion and defines version: both are sent',
    apply: (document) =>
      ['WebHookV2CreateRequest', 'WebHookV2PutRequest'].every((schema) =>
        set(document, ['components', 'schemas', schema, 'allOf', '0', 'properties', 'notificationVersion'], {
          type: 'string',
        }),
      ),
  },
  {
    id: 'create-answer-required',
    why: 'an answer without a conversation id would be worthless; the schema requires nothing',
    apply: (document) =>
      set(
        document,
        ['components', 'schemas', 'ConversationIdentifierField', 'required'],
        ['conversationId', 'createdAt'],
      ),
  },
  {
    id: 'conversation-required',
    why: 'id, state and channel are always there; the schema requires nothing',
    apply: (document) =>
      set(
        document,
        ['components', 'schemas', 'ConversationResult', 'allOf', '3', 'required'],
        ['id', 'state', 'channelId', 'assignment', 'user'],
      ),
  },
];

const MESSAGE = ['components', 'schemas', 'api.v2010.account.message'];
const LIST_PATH = '/2010-04-01/Accounts/{AccountSid}/Messages.json';
const LIST = pathOfResponse(LIST_PATH, 'get', '200', 'application/json', 'schema');
const MEDIA_LIST = pathOfResponse(
  '/2010-04-01/Accounts/{AccountSid}/Messages/{MessageSid}/Media.json',
  'get',
  '200',
  'application/json',
  'schema',
);

export const TWILIO_DEVIATIONS: readonly Deviation[] = [
  ...['first_page_uri', 'next_page_uri', 'previous_page_uri', 'uri'].map((field): Deviation => ({
    id: `relative-${field}`,
    why: 'declared as a URI, its examples are paths relative to the API',
    apply: (document) => set(document, [...LIST, 'properties', field, 'format'], 'uri-reference'),
  })),
  ...['first_page_uri', 'next_page_uri', 'previous_page_uri', 'uri'].map((field): Deviation => ({
    id: `relative-media-${field}`,
    why: 'declared as a URI, its examples are paths relative to the API',
    apply: (document) => set(document, [...MEDIA_LIST, 'properties', field, 'format'], 'uri-reference'),
  })),
  {
    id: 'date-filters',
    why: 'declared as date-time, the examples filter by a plain date',
    apply: (document) => {
      const parameters = at(document, ['paths', LIST_PATH, 'get', 'parameters']);
      if (!Array.isArray(parameters)) return false;
      const dates = parameters.filter(
        (item) => isObject(item) && String(item['name']).startsWith('DateSent') && isObject(item['schema']),
      );
      for (const item of dates) item.schema.format = 'date-or-date-time';
      return dates.length === 3;
    },
  },
  {
    id: 'whole-message',
    why: 'a message always has all its keys, unknown values are null; the schema requires none',
    apply: (document) => {
      const properties = at(document, [...MESSAGE, 'properties']);
      return isObject(properties) && set(document, [...MESSAGE, 'required'], Object.keys(properties));
    },
  },
  {
    id: 'whole-list',
    why: 'a page always has all its keys; the schema requires none',
    apply: (document) => {
      const properties = at(document, [...LIST, 'properties']);
      return isObject(properties) && set(document, [...LIST, 'required'], Object.keys(properties));
    },
  },
];

/** Twilio's document describes successes only; this is how it refuses. */
export const TWILIO_ERROR_SCHEMA = {
  type: 'object',
  required: ['code', 'message', 'more_info', 'status'],
  additionalProperties: false,
  properties: {
    code: { type: 'integer' },
    message: { type: 'string' },
    more_info: { type: 'string', format: 'uri' },
    status: { type: 'integer' },
  },
};

/** Paths that are real but stand in another document than the two we have; their bodies are not checked. */
export const UNDESCRIBED_PATHS: readonly RegExp[] = [
  // Messaging v2, https://www.twilio.com/docs/whatsapp/api/typing-indicators-resource
  /^\/v2\/Indicators\/Typing\.json$/,
  // Content v1, Messaging v1 and v2, and numbers of the 2010 API: in the documents of twilio-oai that are not among ours.
  /^\/v1\/(Content|Services)(\/|$)/,
  /^\/v2\/Channels\/Senders(\/|$)/,
  /^\/2010-04-01\/Accounts\/[^/]+\/IncomingPhoneNumbers(\/|\.json$)/,
  // A medium itself and the CDN it is fetched from: https://www.twilio.com/docs/messaging/api/media-resource
  /^\/2010-04-01\/Accounts\/[^/]+\/Messages\/[^/]+\/Media\/ME[0-9a-f]{32}$/,
  /^\/media\/[^/]+$/,
  // The Tenant Schedule API and the Real-time Metrics API v5 are other APIs than the Chat Gateway.
  /^\/api\/provisioning\/schedules(\/|\.json$)/,
  /^\/oauth\/v2\/token$/,
  /^(\/(eu|au|ca))?\/analytics\/cc\/v5\//,
  // Where a pre-signed link leads is the provider's own affair.
  /^\/pre-signed\/attachments\/[^/]+$/,
  // Keys of older Chat Gateway deployments.
  /^\/vcc\/[^/]+\/chat\/v2\/jwk\/[^/]+\/public$/,
];

const USER = ['components', 'schemas', 'ConversationUserData', 'properties', 'user', 'properties'];

function pathOfResponse(
  path: string,
  method: string,
  status: string,
  type: string,
  ...rest: string[]
): string[] {
  return ['paths', path, method, 'responses', status, 'content', type, ...rest];
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const key of path) {
    if (Array.isArray(value)) value = value[Number(key)];
    else value = isObject(value) ? value[key] : undefined;
  }
  return value;
}

function set(document: JsonObject, path: readonly string[], value: unknown): boolean {
  const parent = at(document, path.slice(0, -1));
  const key = path.at(-1);
  if (!isObject(parent) || key === undefined) return false;
  if (JSON.stringify(parent[key]) === JSON.stringify(value)) return false;
  parent[key] = value;
  return true;
}

function remove(document: JsonObject, path: readonly string[]): boolean {
  const parent = at(document, path.slice(0, -1));
  const key = path.at(-1);
  if (!isObject(parent) || key === undefined || !(key in parent)) return false;
  delete parent[key];
  return true;
}

function rename(document: JsonObject, path: readonly string[], from: string, to: string): boolean {
  const parent = at(document, path);
  if (!isObject(parent) || !(from in parent)) return false;
  parent[to] = parent[from];
  delete parent[from];
  return true;
}
