import { randomUUID } from 'node:crypto';
import { type OnExchange, plainHeaders } from '../common/exchanges.js';
import type { PostOutcome, WebhookPoster } from '../common/webhook-post.js';
import { splitOverrides, twilioSignature } from './signature.js';

/** One webhook as it went, with all its attempts. */
export interface TwilioWebhookCall {
  kind: 'inbound' | 'status';
  messageSid: string;
  url: string;
  attempts: number;
  params: Record<string, string>;
  status?: number;
  contentType?: string;
  body?: string;
  error?: 'connect' | 'read-timeout' | 'reset';
  /** The code that Twilio's debugger would show. */
  alert?: number;
}

export interface WebhookRequest {
  kind: 'inbound' | 'status';
  messageSid: string;
  /** As configured, with overrides in its fragment. */
  configuredUrl: string;
  params: Record<string, string>;
}

/**
 * Calls a webhook as Twilio does: signed form, connection overrides of the URL's fragment, all attempts together within
 * `tt`. By default one repeat and only after a failed connection; a 500 or a read time-out is not repeated.
 * Source: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
 */
export async function callTwilioWebhook(
  wanted: WebhookRequest,
  tools: {
    poster: WebhookPoster;
    authToken: string;
    signal: AbortSignal;
    onExchange?: OnExchange | undefined;
  },
): Promise<TwilioWebhookCall> {
  const { url, overrides } = splitOverrides(wanted.configuredUrl);
  const limit = (name: string, fallback: number): number => Number(overrides.get(name) ?? fallback);
  const retries = limit('rc', 1);
  const policy = new Set((overrides.get('rp') ?? 'ct').split(','));
  const pairs = Object.entries(wanted.params);
  const headers = {
    'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
    'user-agent': 'TwilioProxy/1.1',
    accept: '*/*',
    'i-twilio-idempotency-token': randomUUID(),
    'x-twilio-signature': twilioSignature(tools.authToken, url, pairs),
  };
  const body = new URLSearchParams(pairs).toString();
  const deadline = performance.now() + limit('tt', 15_000);
  let attempts = 0;
  let outcome: PostOutcome;
  do {
    attempts += 1;
    outcome = await tools.poster.post({
      url,
      headers,
      body,
      connectTimeoutMs: limit('ct', 5000),
      readTimeoutMs: limit('rt', 15_000),
      totalTimeoutMs: deadline - performance.now(),
      signal: tools.signal,
    });
    tools.onExchange?.({
      direction: 'to-product',
      provider: 'twilio',
      operation: wanted.kind,
      method: 'POST',
      path: new URL(url).pathname,
      query: [...new URL(url).searchParams.entries()],
      requestHeaders: plainHeaders(headers),
      requestBody: body,
      status: outcome.kind === 'answered' ? outcome.status : null,
      responseHeaders: outcome.kind === 'answered' ? plainHeaders(outcome.headers) : {},
      responseBody: outcome.kind === 'answered' ? outcome.body : '',
    });
  } while (attempts <= retries && performance.now() < deadline && isRepeated(outcome, policy));
  const { kind, messageSid, params } = wanted;
  const call: TwilioWebhookCall = { kind, messageSid, url, attempts, params };
  if (outcome.kind === 'failed') return { ...call, error: outcome.error, alert: 11200 };
  const alert = alertFor(kind, outcome);
  const { status, contentType } = outcome;
  return { ...call, status, contentType, body: outcome.body, ...(alert === undefined ? {} : { alert }) };
}

function isRepeated(outcome: PostOutcome, policy: ReadonlySet<string>): boolean {
  if (outcome.kind === 'failed') {
    if (outcome.error === 'connect') return policy.has('ct') || policy.has('all');
    return outcome.error === 'read-timeout' && (policy.has('rt') || policy.has('all'));
  }
  if (outcome.status >= 500) return policy.has('5xx') || policy.has('all');
  return outcome.status >= 400 && (policy.has('4xx') || policy.has('all'));
}

function alertFor(
  kind: 'inbound' | 'status',
  outcome: PostOutcome & { kind: 'answered' },
): number | undefined {
  if (outcome.status >= 400) return 11200;
  if (kind === 'status') return undefined;
  if (outcome.body === '') return 11770;
  const type = outcome.contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'text/plain') return undefined;
  if (!['text/xml', 'application/xml', 'text/html'].includes(type)) return 12300;
  return /<Response\s*\/>|<Response>[\s\S]*<\/Response>/.test(outcome.body) ? undefined : 12100;
}

/** The messages that an answer to an inbound webhook makes Twilio send: TwiML `<Message>`s, or a plain text as it stands. */
export function repliesIn(call: TwilioWebhookCall): string[] {
  if (call.kind !== 'inbound' || call.status === undefined || call.status >= 300 || !call.body) return [];
  if (call.contentType?.startsWith('text/plain')) return [call.body];
  return [...call.body.matchAll(/<Message[^>]*>(?:<Body>)?([\s\S]*?)(?:<\/Body>)?<\/Message>/g)].map(
    (found) => found[1] ?? '',
  );
}
