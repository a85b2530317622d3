import { createHash } from 'node:crypto';
import { TwilioChannel, TwilioMessageDoor, TwilioStatusDoor } from '#channel-twilio';
import type { WebhookRequest } from '#core';
import { ProviderHttp } from '#platform';
import {
  startTwilioSimulator,
  twilioSignature,
  type Exchange,
  type FaultSpec,
  type InboundText,
  type TwilioSimulator,
} from '../../../apps/sandbox/src/index.js';
import { startWebhookReceiver } from '../webhook-receiver.js';
import { RETRY_AFTER_MS, type Call, type ChannelWorld, type CustomerMessage, type Mood } from './world.js';

const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const TOKEN = 'canary-token-8d1e';
const PLAIN = { address: '+15550100', account: ACCOUNT };
const RICH = { address: 'whatsapp:+15550100', account: ACCOUNT };

const OPERATIONS: Readonly<Record<Call, string>> = {
  send: 'messages.create',
  list: 'messages.list',
  received: 'messages.list',
  receipt: 'messages.fetch',
  media: 'media.fetch',
  delete: 'media.delete',
  typing: 'typing.create',
  content: 'content.create',
};

const refuses = (status: number, code?: number) =>
  ({ effect: 'answer', status, ...(code !== undefined && { code }) }) as const;

const FAULTS: Readonly<Record<Exclude<Mood, 'unreachable'>, Omit<FaultSpec, 'operation'>>> = {
  hangs: { effect: 'hang' },
  'hangs-having-taken': { effect: 'hang', when: 'after' },
  'drips-having-taken': { effect: 'drip', delayMs: 100 },
  resets: { effect: 'reset' },
  'resets-having-taken': { effect: 'reset', when: 'after' },
  fails: refuses(500),
  'fails-having-taken': { ...refuses(503), when: 'after' },
  'breaks-off-having-taken': { effect: 'half-body' },
  'garbage-having-taken': { effect: 'garbage' },
  'foreign-page': { effect: 'wrong-type' },
  'empty-answer': { ...refuses(200), body: '{}' },
  'rate-limits': { ...refuses(429, 20429), retryAfter: String(RETRY_AFTER_MS / 1_000) },
  'refuses-credentials': refuses(401, 20003),
  'rejects-recipient': refuses(400, 21211),
  'rejects-for-reasons-unknown': refuses(400, 29_999),
  'rejects-as-opted-out': refuses(400, 21610),
  'rejects-outside-window': refuses(400, 63016),
  'rejects-our-sender': refuses(400, 21606),
  'rejects-content-as-unknown': refuses(400, 21655),
  'has-none': refuses(404, 20404),
};
const FAILURES = { 'opted-out': 21610, 'carrier-trouble': 30008 } as const;

/** Twilio's adapter before the sandbox's Twilio, over HTTP. */
export async function startTwilioWorld(): Promise<ChannelWorld> {
  const receiver = await startWebhookReceiver();
  const calls = new Map<string, number>();
  const expiries = new Map<string, string | null>();
  const simulator = await startTwilioSimulator({
    accountSid: ACCOUNT,
    authTokens: [TOKEN],
    numbers: [PLAIN.address, RICH.address],
    webhookUrl: `${receiver.url}/webhooks/twilio/messages`,
    settings: { autoProgress: false },
    onExchange: ({ operation, requestBody, responseBody }: Exchange) => {
      calls.set(operation, (calls.get(operation) ?? 0) + 1);
      if (operation !== OPERATIONS.send || responseBody === '') return;
      const { sid } = JSON.parse(responseBody.startsWith('{') ? responseBody : '{}') as { sid?: string };
      if (sid !== undefined) expiries.set(sid, new URLSearchParams(requestBody).get('ValidityPeriod'));
    },
  });
  const http = new ProviderHttp();
  const channel = new TwilioChannel(http, {
    accountSid: ACCOUNT,
    username: ACCOUNT,
    password: TOKEN,
    apiBaseUrl: simulator.url,
    publicBaseUrl: receiver.url,
  });
  // What loading the client takes is no part of a deadline that has to pass after writing.
  await channel.warmUp();
  const tenantId = 'tenant';
  const doorOptions = { tenantOf: () => tenantId, accountSid: ACCOUNT, authTokens: [TOKEN] };
  const posted = (): WebhookRequest => {
    const { url, headers, body } = receiver.received.at(-1) ?? { url: '', headers: {}, body: '' };
    return { method: 'POST', url: receiver.url + url, headers, body: Buffer.from(body) };
  };
  let customers = 0;
  return {
    channel,
    tenantId,
    messageDoor: new TwilioMessageDoor(doorOptions),
    receiptDoor: new TwilioStatusDoor(doorOptions),
    signatureHeader: 'x-twilio-signature',
    plain: PLAIN,
    rich: RICH,
    secrets: [TOKEN, Buffer.from(`${ACCOUNT}:${TOKEN}`).toString('base64')],
    newCustomer: ({ address }) => {
      customers += 1;
      const number = `+1555${String(2_000_000 + customers)}`;
      return address.startsWith('whatsapp:') ? `whatsapp:${number}` : number;
    },
    next: (call, mood) => {
      if (mood === 'unreachable') simulator.vanish();
      else simulator.setFault({ operation: OPERATIONS[call], ...FAULTS[mood] });
    },
    calls: (call) => calls.get(OPERATIONS[call]) ?? 0,
    taken: (to) =>
      simulator.log.flatMap((entry) => {
        if (entry.kind !== 'message' || entry.to !== to) return [];
        const { sid, body, mediaUrls } = entry;
        const seconds = expiries.get(sid);
        const expiry = typeof seconds === 'string' ? { expiresInMs: Number(seconds) * 1_000 } : {};
        return [{ providerId: sid, text: body, mediaUrls, ...expiry }];
      }),
    writes: async ({ address }, from, message) => {
      await simulator.receiveText(textOf(address, from, message));
      return posted();
    },
    reports: async (providerId, status, because) => {
      const code = because && FAILURES[because];
      // A status that Twilio has not yet is a word like any other to the simulator.
      await simulator.setStatus(providerId, status as 'sent', code);
      return posted();
    },
    unusable: () => [
      signed(receiver.url, { MessageSid: 'nonsense' }),
      signed(receiver.url, { From: '' }),
      signed(receiver.url, { NumMedia: 'many' }),
      signed(receiver.url, { To: 'messenger:1', From: 'messenger:2' }),
    ],
    loses: (url) => simulator.media.delete(mediumSid(url)),
    has: (url) => simulator.media.get(mediumSid(url)) !== undefined,
    typedFor: () => simulator.log.flatMap((entry) => (entry.kind === 'typing' ? [entry.messageSid] : [])),
    close: () => closeAll(http, simulator, receiver),
  };
}

async function closeAll(
  http: ProviderHttp,
  simulator: TwilioSimulator,
  receiver: { close(): Promise<void> },
): Promise<void> {
  http.destroy();
  await Promise.all([simulator.close(), receiver.close()]);
}

function textOf(to: string, from: string, message: CustomerMessage): InboundText {
  const { text = '', media, location, contact, choice, strange, repliedTo, forwarded, news } = message;
  return {
    from,
    to,
    body: text,
    ...(media && { media }),
    ...(location && { location }),
    ...(contact && { contact }),
    ...(choice && { button: { text: choice.title, payload: choice.payload } }),
    ...(strange !== undefined && { messageType: strange }),
    ...(repliedTo !== undefined && { repliedTo }),
    ...(forwarded && { forwarded }),
    ...(news && { params: news }),
  };
}

/** A message with these fields changed, signed as Twilio signs. */
function signed(baseUrl: string, changes: Record<string, string>): WebhookRequest {
  const url = `${baseUrl}/webhooks/twilio/messages`;
  const sid = createHash('md5').update(JSON.stringify(changes)).digest('hex');
  const fields = {
    AccountSid: ACCOUNT,
    MessageSid: `SM${sid}`,
    From: '+15550123',
    To: PLAIN.address,
    Body: 'Hello',
    NumMedia: '0',
    ...changes,
  };
  const pairs = Object.entries(fields);
  return {
    method: 'POST',
    url,
    headers: { 'x-twilio-signature': twilioSignature(TOKEN, url, pairs) },
    body: Buffer.from(new URLSearchParams(pairs).toString()),
  };
}

function mediumSid(url: string): string {
  return url.split('/').at(-1) ?? '';
}
