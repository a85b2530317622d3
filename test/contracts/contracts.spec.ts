import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../apps/sandbox/src/index.js';
import { type CheckedExchange, ContractChecker, contractsAvailable } from '../support/contracts.js';
import { webhookViolations } from './webhook-rules.js';

const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const SID = 'SM0123456789abcdef0123456789abcdef';

const MESSAGE = {
  body: 'Hello',
  num_segments: '1',
  direction: 'outbound-api',
  from: '+15550100',
  to: '+15550123',
  date_updated: 'Thu, 24 Aug 2023 05:01:45 +0000',
  date_created: 'Thu, 24 Aug 2023 05:01:45 +0000',
  date_sent: null,
  price: null,
  price_unit: 'USD',
  error_message: null,
  error_code: null,
  uri: `/2010-04-01/Accounts/${ACCOUNT}/Messages/${SID}.json`,
  account_sid: ACCOUNT,
  num_media: '0',
  status: 'queued',
  messaging_service_sid: null,
  sid: SID,
  api_version: '2010-04-01',
  subresource_uris: {},
};

const TWILIO_CREATE: CheckedExchange = {
  method: 'POST',
  path: `/2010-04-01/Accounts/${ACCOUNT}/Messages.json`,
  query: [],
  requestHeaders: { authorization: '[redacted]', 'content-type': 'application/x-www-form-urlencoded' },
  requestBody: 'To=%2B15550123&From=%2B15550100&Body=Hello&ValidityPeriod=600&SmartEncoded=false',
  status: 201,
  responseHeaders: { 'content-type': 'application/json;charset=utf-8' },
  responseBody: JSON.stringify(MESSAGE),
};

const DESK_CREATE: CheckedExchange = {
  method: 'POST',
  path: '/chat-gateway/v1/conversations',
  query: [],
  requestHeaders: { 'x-api-key': '[redacted]', 'content-type': 'application/json' },
  requestBody: JSON.stringify({
    channelId: '25',
    user: { name: 'Ann', email: '[email protected]', additionalProperties: [{ key: 'a', value: 'b' }] },
    assignment: { type: 'queue', id: '100' },
    history: { messages: [{ authorType: 'user', text: 'Hi' }] },
  }),
  status: 202,
  responseHeaders: { 'content-type': 'application/hal+json' },
  responseBody: JSON.stringify({ conversationId: 'c1', createdAt: '2026-07-01T08:30:00Z' }),
};

const DESK_MESSAGE: CheckedExchange = {
  ...DESK_CREATE,
  path: '/chat-gateway/v1/conversations/c1/messages',
  requestBody: JSON.stringify({ authorType: 'user', text: 'Hi' }),
  responseHeaders: {},
  responseBody: '',
};

const DESK_LIST: CheckedExchange = {
  method: 'GET',
  path: '/chat-gateway/v1/conversations/c1/messages',
  query: [
    ['size', '100'],
    ['sort', 'createdAt:asc'],
  ],
  requestHeaders: { 'x-api-key': '[redacted]' },
  requestBody: '',
  status: 200,
  responseHeaders: { 'content-type': 'application/hal+json' },
  responseBody: JSON.stringify({
    _embedded: { messages: [{ id: 'm', text: 'Hi', author: { id: 'user', type: 'user' } }] },
    page: { size: 100, number: 0, totalElements: 1, totalPages: 1 },
  }),
};

function changed(
  exchange: CheckedExchange,
  field: 'requestBody' | 'responseBody',
  fields: object,
): CheckedExchange {
  return { ...exchange, [field]: JSON.stringify({ ...JSON.parse(exchange[field]), ...fields }) };
}

describe.runIf(contractsAvailable())('the contract checker', () => {
  const checker = new ContractChecker();

  it('every known deviation still changes something', () => {
    expect(checker.idleDeviations).toEqual([]);
  });

  it.each([
    { what: 'a Twilio create', provider: 'twilio', exchange: TWILIO_CREATE },
    { what: 'a create', provider: 'chat-gateway', exchange: DESK_CREATE },
    { what: 'a message', provider: 'chat-gateway', exchange: DESK_MESSAGE },
    { what: 'a list', provider: 'chat-gateway', exchange: DESK_LIST },
    {
      what: 'an answer that a fault made',
      provider: 'twilio',
      exchange: { ...TWILIO_CREATE, status: 500, fault: 'answer' },
    },
    { what: 'an answer that never came', provider: 'twilio', exchange: { ...TWILIO_CREATE, status: null } },
  ] as const)('lets pass: $what', ({ provider, exchange }) => {
    expect(checker.checkExchange(provider, exchange)).toEqual([]);
  });

  it.each<{ what: string; provider: 'twilio' | 'chat-gateway'; exchange: CheckedExchange; says: RegExp }>([
    {
      what: 'a number where Twilio has a string',
      provider: 'twilio',
      exchange: changed(TWILIO_CREATE, 'responseBody', { num_segments: 1 }),
      says: /num_segments must be string/,
    },
    {
      what: 'an ISO date where Twilio has an RFC 2822 one',
      provider: 'twilio',
      exchange: changed(TWILIO_CREATE, 'responseBody', { date_created: '2023-08-24T05:01:45Z' }),
      says: /date_created must match format/,
    },
    {
      what: 'a missing key',
      provider: 'twilio',
      exchange: changed(TWILIO_CREATE, 'responseBody', { price_unit: undefined }),
      says: /required property 'price_unit'/,
    },
    {
      what: 'a wrong status',
      provider: 'twilio',
      exchange: { ...TWILIO_CREATE, status: 200 },
      says: /status 200/,
    },
    {
      what: 'an unknown form field',
      provider: 'twilio',
      exchange: { ...TWILIO_CREATE, requestBody: 'To=%2B15550123&Text=Hello' },
      says: /must NOT have unevaluated properties.*Text/,
    },
    {
      what: 'no To',
      provider: 'twilio',
      exchange: { ...TWILIO_CREATE, requestBody: 'Body=Hello' },
      says: /required property 'To'/,
    },
    {
      what: 'a number that is none',
      provider: 'twilio',
      exchange: { ...TWILIO_CREATE, requestBody: 'To=%2B15550123&Body=x&ValidityPeriod=long' },
      says: /ValidityPeriod must be integer/,
    },
    {
      what: 'an error body in another shape',
      provider: 'twilio',
      exchange: { ...TWILIO_CREATE, status: 400, responseBody: '{"error":"no"}' },
      says: /error body must have required property 'code'/,
    },
    {
      what: 'an unknown filter',
      provider: 'twilio',
      exchange: { ...TWILIO_CREATE, method: 'GET', query: [['DateCreated', '2026-07-01']], requestBody: '' },
      says: /query parameter DateCreated/,
    },
    {
      what: 'no credentials',
      provider: 'twilio',
      exchange: { ...TWILIO_CREATE, requestHeaders: { 'content-type': 'application/x-www-form-urlencoded' } },
      says: /lacks the header authorization/,
    },
    {
      what: 'an unknown path',
      provider: 'chat-gateway',
      exchange: { ...DESK_CREATE, path: '/chat-gateway/v2/conversations' },
      says: /is not in the contract/,
    },
    {
      what: 'a misspelt field',
      provider: 'chat-gateway',
      exchange: changed(DESK_CREATE, 'requestBody', { queueId: '100' }),
      says: /must NOT have unevaluated properties.*queueId/,
    },
    {
      what: 'a numeric id',
      provider: 'chat-gateway',
      exchange: changed(DESK_CREATE, 'requestBody', { channelId: 25 }),
      says: /channelId must be string/,
    },
    {
      what: 'a property without a value',
      provider: 'chat-gateway',
      exchange: changed(DESK_CREATE, 'requestBody', { user: { additionalProperties: [{ key: 'a' }] } }),
      says: /required property 'value'/,
    },
    {
      what: 'too much history',
      provider: 'chat-gateway',
      exchange: changed(DESK_CREATE, 'requestBody', {
        history: { messages: Array.from({ length: 201 }, () => ({ authorType: 'user', text: 'x' })) },
      }),
      says: /must NOT have more than 200 items/,
    },
    {
      what: 'another content type',
      provider: 'chat-gateway',
      exchange: { ...DESK_CREATE, responseHeaders: { 'content-type': 'application/json' } },
      says: /content type is application\/json/,
    },
    {
      what: 'a 200 for a 202',
      provider: 'chat-gateway',
      exchange: { ...DESK_CREATE, status: 200 },
      says: /status 200/,
    },
    {
      what: 'a body where there is none',
      provider: 'chat-gateway',
      exchange: { ...DESK_MESSAGE, responseBody: '{"id":"m1"}' },
      says: /has a body/,
    },
    {
      what: 'a list entry without its text',
      provider: 'chat-gateway',
      exchange: { ...DESK_LIST, responseBody: '{"_embedded":{"messages":[{"id":"m","author":{}}]}}' },
      says: /required property 'text'/,
    },
    {
      what: 'errors in the shape of another status',
      provider: 'chat-gateway',
      exchange: { ...DESK_MESSAGE, status: 404, responseBody: '{"message":"m","errors":[{"code":"c"}]}' },
      says: /errors\/0 must be string/,
    },
  ])('notices $what', ({ provider, exchange, says }) => {
    const violations = checker.checkExchange(provider, exchange);
    expect(violations).not.toEqual([]);
    expect(violations.join('\n')).toMatch(says);
  });

  it('never shows a value in a violation', () => {
    const secret = 'canary-text';
    const exchange = changed(DESK_CREATE, 'requestBody', { channelId: { secret }, user: secret });
    const violations = checker.checkExchange('chat-gateway', exchange);
    expect(violations).not.toEqual([]);
    expect(violations.join()).not.toContain(secret);
  });
});

describe('the rules for webhook calls', () => {
  const inbound: Exchange = {
    direction: 'to-product',
    provider: 'twilio',
    operation: 'inbound',
    method: 'POST',
    path: '/webhooks/twilio/messages',
    query: [],
    requestHeaders: { 'x-twilio-signature': '[redacted]', 'i-twilio-idempotency-token': 't' },
    requestBody:
      'MessageSid=a&SmsSid=a&SmsMessageSid=a&AccountSid=b&From=c&To=d&Body=&NumMedia=0&NumSegments=1&SmsStatus=received&ApiVersion=1',
    status: 200,
    responseHeaders: { 'content-type': 'text/xml; charset=utf-8' },
    responseBody: '<Response/>',
  };

  it('let pass what both sides agreed on', () => {
    expect(webhookViolations(inbound)).toEqual([]);
    expect(webhookViolations({ ...inbound, status: 503, responseBody: '' })).toEqual([]);
  });

  it.each([
    { what: 'a plain OK', change: { responseBody: 'OK', responseHeaders: { 'content-type': 'text/plain' } } },
    { what: 'a 500', change: { status: 500 } },
    { what: 'a 204 to an inbound message', change: { status: 204, responseBody: '' } },
    { what: 'a missing field', change: { requestBody: 'MessageSid=a' } },
    { what: 'a missing signature', change: { requestHeaders: {} } },
  ])('notice $what', ({ change }) => {
    expect(webhookViolations({ ...inbound, ...change })).not.toEqual([]);
  });
});
