import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  startChatGatewaySimulator,
  startTwilioSimulator,
  type ChatGatewaySimulator,
  type TwilioSimulator,
} from '../../apps/sandbox/src/index.js';
import { DeliveryError, type FindSent, type PartContent } from '#core';
import { ProviderHttp } from '#platform';
import { TwilioChannel } from '../../libs/channel-twilio/src/sender.js';
import { ChatGatewayClient } from '../../libs/desk-chat-gateway/src/client.js';
import { ChatGatewayDesk } from '../../libs/desk-chat-gateway/src/desk.js';

const ACCOUNT = `AC${'a'.repeat(32)}`;
const SERVICE = `MG${'b'.repeat(32)}`;
const OURS = '+15550100';
const THEIRS = '+15551234567';
const limits = { timeoutMs: 5_000 };

let twilio: TwilioSimulator;
let gateway: ChatGatewaySimulator;
let channel: TwilioChannel;
let desk: ChatGatewayDesk;
const http = new ProviderHttp();

beforeAll(async () => {
  twilio = await startTwilioSimulator({
    accountSid: ACCOUNT,
    authTokens: ['token-of-a-test'],
    numbers: [OURS, '+15550200'],
    messagingServices: { [SERVICE]: [OURS] },
    settings: { autoProgress: false },
  });
  channel = new TwilioChannel(http, {
    accountSid: ACCOUNT,
    username: ACCOUNT,
    password: 'token-of-a-test',
    apiBaseUrl: twilio.url,
    publicBaseUrl: 'http://localhost:3000',
  });
  gateway = await startChatGatewaySimulator({
    apiKey: 'a-key',
    tenantId: 'tenant-1',
    customerId: 'customer-1',
    webhookUrl: 'http://127.0.0.1:9/',
    channelId: '25',
  });
  desk = new ChatGatewayDesk(
    new ChatGatewayClient(http, { baseUrl: gateway.url, apiKey: 'a-key', tenantId: 'tenant-1' }),
  );
});
afterAll(async () => {
  http.destroy();
  await Promise.all([twilio.close(), gateway.close()]);
});
beforeEach(() => {
  twilio.reset();
  gateway.reset();
});

describe('looking at Twilio for what was sent', () => {
  const number = { address: OURS, account: ACCOUNT };
  const send = async (text: string, to = THEIRS, from: FindSent['number'] = number): Promise<string> => {
    const attempt = { messageId: 'm', attemptId: 'a' };
    const sent = await channel.send({ number: from, to, part: { text }, attempt }, limits);
    return sent.providerId ?? '';
  };
  const find = (part: PartContent, more: Partial<FindSent> = {}) =>
    channel.findSent({ number, to: THEIRS, part, since: Date.now() - 120_000, known: [], ...more }, limits);

  it('finds what has this text, sender and recipient, the oldest first', async () => {
    const first = await send('hello');
    await send('something else');
    await send('hello', '+15557654321');
    await send('hello', THEIRS, { ...number, address: '+15550200' });
    const second = await send('hello');
    expect(await find({ text: 'hello' })).toEqual([
      { providerId: first, receipt: 'queued' },
      { providerId: second, receipt: 'queued' },
    ]);
    expect(await find({ text: 'nothing like it' })).toEqual([]);
  });

  it('leaves out what is older, and what carries media where the part has none', async () => {
    await send('hello');
    expect(await find({ text: 'hello' }, { since: Date.now() + 60_000 })).toEqual([]);
    const media = [{ key: 'k', contentType: 'image/png', bytes: 1, filename: 'a.png' }];
    expect(await find({ text: 'hello', media })).toEqual([]);
  });

  it('reads page after page until it is back at the start', async () => {
    const first = await send('hello');
    for (let n = 0; n < 120; n += 1) await send(`text ${n}`);
    expect(await find({ text: 'hello' })).toEqual([{ providerId: first, receipt: 'queued' }]);
  });

  it('does not compare what a Messaging Service may have encoded anew', async () => {
    twilio.settings = { ...twilio.settings, bodyAlteration: 'smart-encoded' };
    const service = { ...number, messagingServiceSid: SERVICE };
    const sid = await send('“typographic”', THEIRS, service);
    expect(await find({ text: '“typographic”' }, { number: service })).toEqual([
      { providerId: sid, receipt: expect.any(String) as string },
    ]);
    expect(await find({ text: 'plain' }, { number: service })).toEqual([]);
  });

  it('takes a list that lacks what is certainly there for none', async () => {
    await send('hello');
    await expect(find({ text: 'hello' }, { known: [`SM${'c'.repeat(32)}`] })).rejects.toMatchObject({
      kind: 'not-sent',
      code: 'list-incomplete',
    });
  });

  it.each([404, 405, 410, 501])('is impossible where the list answers %i', async (status) => {
    twilio.setFault({ operation: 'messages.list', effect: 'answer', status });
    expect(await find({ text: 'hello' })).toBe('impossible');
  });

  it.each([
    [{ effect: 'answer', status: 500 }, 'not-sent'],
    [{ effect: 'answer', status: 429 }, 'not-sent'],
    [{ effect: 'answer', status: 400 }, 'not-sent'],
    [{ effect: 'answer', status: 401 }, 'credentials'],
    [{ effect: 'garbage' }, 'not-sent'],
    [{ effect: 'half-body' }, 'not-sent'],
    [{ effect: 'reset' }, 'not-sent'],
  ] as const)('fails without a conclusion: %o', async (fault, kind) => {
    twilio.setFault({ operation: 'messages.list', ...fault });
    const error: unknown = await find({ text: 'hello' }).catch((each: unknown) => each);
    expect(error).toBeInstanceOf(DeliveryError);
    expect(error).toMatchObject({ kind });
  });
});

describe('counting at the Chat Gateway what was posted', () => {
  const create = async (history: { authorType: 'user' | 'bot'; text: string }[] = []): Promise<string> => {
    const reference = {
      conversationId: '0195f1d2-7c1e-7b1a-9d2e-1c5f3a7b9d11',
      attemptId: '0195f1d2-7c1e-7b1a-9d2e-1c5f3a7b9d12',
    };
    const made = await desk.createConversation(
      { channelId: '25', user: { name: 'A customer' }, history, reference },
      limits,
    );
    return made.deskConversationId;
  };
  const post = (deskConversationId: string, authorType: 'user' | 'bot', text: string) =>
    desk.send({ deskConversationId, authorType, part: { text } }, limits);
  const count = (deskConversationId: string, authorType: 'user' | 'bot', part: PartContent) =>
    desk.countSent({ deskConversationId, authorType, part }, limits);

  it('counts by text and author, verbatim, over all pages', async () => {
    const id = await create();
    for (let n = 0; n < 130; n += 1) await post(id, 'user', n % 10 === 0 ? 'ok' : `text ${n}`);
    await post(id, 'user', 'ok ');
    await post(id, 'bot', 'ok');
    expect(await count(id, 'user', { text: 'ok' })).toBe(13);
    expect(await count(id, 'bot', { text: 'ok' })).toBe(1);
    expect(await count(id, 'user', { text: 'nothing like it' })).toBe(0);
    expect(await count(id, 'user', { text: 'ok', attachmentIds: ['a'] })).toBe(0);
  });

  it.each([404, 405, 410, 501])('is impossible where the list answers %i', async (status) => {
    const id = await create();
    gateway.setFault({ operation: 'messages.list', effect: 'answer', status });
    expect(await count(id, 'user', { text: 'ok' })).toBe('impossible');
  });

  it.each([
    [{ effect: 'answer', status: 500 }, 'not-sent'],
    [{ effect: 'answer', status: 429 }, 'not-sent'],
    [{ effect: 'answer', status: 401 }, 'credentials'],
    [{ effect: 'garbage' }, 'not-sent'],
    [{ effect: 'reset' }, 'not-sent'],
  ] as const)('fails without a conclusion: %o', async (fault, kind) => {
    const id = await create();
    gateway.setFault({ operation: 'messages.list', ...fault });
    const error: unknown = await count(id, 'user', { text: 'ok' }).catch((each: unknown) => each);
    expect(error).toMatchObject({ kind });
  });
});
