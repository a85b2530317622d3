import type { Exchange } from '../../apps/sandbox/src/index.js';

/**
 * What webhook calls look like. Neither published document describes them, so these are the facts sheets' fields, and for our
 * answers the table of routes in the design.
 */

/** Statuses and content type that our webhooks may answer, per kind of call. */
const ANSWERS: Record<
  string,
  { statuses: readonly number[]; success: number; contentType?: RegExp; body?: string }
> = {
  inbound: {
    statuses: [200, 400, 403, 413, 503],
    success: 200,
    contentType: /^text\/xml/,
    body: '<Response/>',
  },
  status: { statuses: [204, 400, 403, 503], success: 204 },
  event: { statuses: [204, 400, 401, 413, 503], success: 204 },
};

const INBOUND_FIELDS =
  'MessageSid SmsSid SmsMessageSid AccountSid From To Body NumMedia NumSegments SmsStatus ApiVersion';
const STATUS_FIELDS = 'MessageSid SmsSid AccountSid From To MessageStatus SmsStatus ApiVersion';
const EVENT_HEADERS =
  'x-8x8-tenant-id x-8x8-customer-id x-8x8-event-id x-8x8-transmission-time x-8x8-retry x-8x8-signature';

/** The fields of `data` that must be there, per known type of event. */
const EVENT_DATA: Record<string, readonly string[]> = {
  CONVERSATION_UPDATE: ['state', 'assignment', 'user'],
  QUEUED: ['queueId', 'queueName'],
  MEMBERS_CHANGED: ['memberType', 'change', 'id'],
  MESSAGE: ['isEcho', 'sender', 'text'],
  ACTIVITY: ['name', 'value'],
};

/** How a webhook call and its answer break the rules; empty when they do not. */
export function webhookViolations(exchange: Exchange): string[] {
  const twilio = exchange.provider === 'twilio';
  const call = twilio ? twilioCallViolations(exchange) : eventViolations(exchange);
  return [...call, ...answerViolations(exchange, twilio ? exchange.operation : 'event')];
}

function twilioCallViolations(exchange: Exchange): string[] {
  const form = new URLSearchParams(exchange.requestBody);
  const wanted = (exchange.operation === 'inbound' ? INBOUND_FIELDS : STATUS_FIELDS).split(' ');
  return [
    ...wanted.filter((field) => !form.has(field)).map((field) => `webhook lacks the field ${field}`),
    ...missingHeaders(exchange, ['x-twilio-signature', 'i-twilio-idempotency-token']),
  ];
}

function eventViolations(exchange: Exchange): string[] {
  const event: unknown = JSON.parse(exchange.requestBody);
  if (typeof event !== 'object' || event === null) return ['event is not an object'];
  const fields: Record<string, unknown> = { ...event };
  const type = fields['eventType'];
  if (typeof type !== 'string') return ['event has no eventType'];
  if (type === 'WEB_HOOK_VERIFY') return [];
  const violations = missingHeaders(exchange, EVENT_HEADERS.split(' '));
  if (typeof fields['conversationId'] !== 'string') violations.push('event has no conversationId');
  if (!Number.isInteger(fields['timestamp'])) violations.push('event has no timestamp in milliseconds');
  const data = typeof fields['data'] === 'object' && fields['data'] !== null ? fields['data'] : {};
  for (const field of EVENT_DATA[type] ?? []) {
    if (!(field in data)) violations.push(`${type} lacks data.${field}`);
  }
  return violations;
}

function answerViolations(exchange: Exchange, kind: string): string[] {
  const rule = ANSWERS[kind];
  if (rule === undefined || exchange.status === null) return [];
  if (!rule.statuses.includes(exchange.status)) return [`${kind} webhook answered ${exchange.status}`];
  if (exchange.status !== rule.success) return [];
  const violations: string[] = [];
  const contentType = exchange.responseHeaders['content-type'] ?? '';
  if (rule.contentType?.test(contentType) === false) {
    violations.push(`${kind} webhook answered with content type ${contentType}`);
  }
  if (exchange.responseBody.trim().replace(/^<\?xml[^>]*>\s*/, '') !== (rule.body ?? '')) {
    violations.push(`${kind} webhook answered with another body than ${rule.body ?? 'none'}`);
  }
  return violations;
}

function missingHeaders(exchange: Exchange, names: readonly string[]): string[] {
  return names
    .filter((name) => !exchange.requestHeaders[name])
    .map((name) => `webhook lacks the header ${name}`);
}
