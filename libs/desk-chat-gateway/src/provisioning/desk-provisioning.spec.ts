import { describe, expect, it } from 'vitest';
import { DeliveryError } from '#core';
import { ChatGatewayClient } from '../client.js';
import { deskFailure } from './desk-provisioning-error.js';
import { ChatGatewayProvisioning, type DeskNumber, type DeskSetup } from './desk-provisioning.js';

const URI = 'https://text.example.com/base/webhooks/chat-gateway';
const VERSION = 'Chat Gateway v1.0';
const OURS = { id: '1', name: 'Causeway', uri: URI, version: VERSION };
const OTHER = { id: '2', name: 'Bot', uri: 'https://bot.example/x?key=secret', version: VERSION };
const CHANNEL = { id: '25', name: 'Texts', type: 'ChatAPI', webHookId: '1', queueId: '100' };
const NUMBER: DeskNumber = { address: '+15550100', channelId: '25', webhookId: '1', queueId: null };

function provisioning(publicBaseUrl = 'https://text.example.com/base/', baseUrl = 'https://api.8x8.com') {
  // Plans are made of what has been read: nothing is called.
  const http = { request: () => Promise.reject(new Error('Nobody is called.')) };
  const client = new ChatGatewayClient(http, { baseUrl, apiKey: 'key', tenantId: 'tenant' });
  return new ChatGatewayProvisioning(client, { publicBaseUrl });
}

function plan(number: Partial<DeskNumber>, setup: Partial<DeskSetup> = {}) {
  const whole = { webhooks: [OURS], channels: [CHANNEL], ...setup };
  return provisioning().plan({ ...NUMBER, ...number }, whole);
}

describe('a plan', () => {
  it('of what is right is empty', async () => {
    expect(await plan({})).toEqual({
      webhook: { id: '1', name: 'Causeway', uri: URI },
      channel: { id: '25', name: 'Texts', queueId: '100' },
      notes: [],
      differences: [],
    });
  });

  it('leaves the queue of a channel alone unless it is to be moved', async () => {
    expect((await plan({ queueId: '200' })).differences).toEqual([]);
    expect(await plan({ queueId: '200', moveQueue: true })).toMatchObject({
      channel: { queueId: '200' },
      differences: [{ field: 'channel.routingOptions.id', is: '100', shouldBe: '200' }],
    });
  });

  it("changes an older webhook's version, and takes one that does not tell its version as it is", async () => {
    const older = { ...OURS, version: 'v2.0' };
    expect((await plan({}, { webhooks: [older] })).differences).toEqual([
      { field: 'webhook.version', is: 'v2.0', shouldBe: VERSION },
    ]);
    const { version: _, ...silent } = OURS;
    expect((await plan({}, { webhooks: [silent] })).differences).toEqual([]);
  });

  it('binds a channel that has no webhook', async () => {
    const { webHookId: _, ...unbound } = CHANNEL;
    expect((await plan({}, { channels: [unbound] })).differences).toEqual([
      { field: 'channel.webHookId', is: null, shouldBe: '1' },
    ]);
  });

  it('finds the channel it made by its name on our webhook, and no other', async () => {
    const made = { ...CHANNEL, id: '30', name: 'Causeway +15550100' };
    const others = [
      { ...made, id: '31', webHookId: '2' },
      { ...made, id: '32', type: 'SMS' },
      { ...made, id: '33', name: 'Causeway +155501' },
    ];
    const setup = { webhooks: [OURS, OTHER] };
    const number = { channelId: null, queueId: '100' };
    expect(await plan(number, { ...setup, channels: [...others, made] })).toMatchObject({
      channel: { id: '30' },
      differences: [],
    });
    expect((await plan(number, { ...setup, channels: others })).differences).toMatchObject([
      { field: 'channel', is: null },
    ]);
  });

  it("prefers the channel's own webhook where several lead to us", async () => {
    const second = { ...OURS, id: '3' };
    const channels = [{ ...CHANNEL, webHookId: '3' }];
    expect(await plan({ webhookId: '1' }, { webhooks: [OURS, second], channels })).toMatchObject({
      webhook: { id: '3' },
      differences: [],
    });
  });

  it.each<[string, Partial<DeskNumber>, Partial<DeskSetup>, string, RegExp]>([
    ['no queue', { channelId: null }, { channels: [] }, 'queue-needed', /--queue/],
    [
      'no queue for a channel that is gone',
      {},
      { channels: [] },
      'queue-needed',
      /^The channel 25 that the number has does not exist there\. .*--queue/,
    ],
    [
      'a channel of another type',
      {},
      { channels: [{ ...CHANNEL, type: 'WhatsApp' }] },
      'foreign-channel',
      /of the type WhatsApp, not ChatAPI/,
    ],
    [
      "somebody else's channel",
      {},
      { webhooks: [OURS, OTHER], channels: [{ ...CHANNEL, webHookId: '2' }] },
      'foreign-channel',
      /another webhook at bot\.example:/,
    ],
    [
      'a channel whose webhook is not listed',
      {},
      { channels: [{ ...CHANNEL, webHookId: '9' }] },
      'foreign-channel',
      /another webhook:/,
    ],
  ])('refuses %s', async (_what, number, setup, code, words) => {
    const call = plan(number, setup);
    await expect(call).rejects.toMatchObject({ code });
    await expect(call).rejects.toThrow(words);
    await expect(call).rejects.not.toThrow(/secret/);
  });

  it.each([
    ['http://text.example.com', /must begin with https/],
    ['https://localhost', /this machine/],
    ['https://10.0.0.1', /private network/],
  ])('of %s is refused, except for a simulator', async (url, words) => {
    const setup = { webhooks: [], channels: [] };
    const number = { ...NUMBER, queueId: '100' };
    await expect(provisioning(url).plan(number, setup)).rejects.toMatchObject({ code: 'unsuitable-url' });
    await expect(provisioning(url).plan(number, setup)).rejects.toThrow(words);
    await expect(provisioning(url, 'http://127.0.0.1:4020').plan(number, setup)).resolves.toBeDefined();
  });
});

describe('a removal', () => {
  it('takes a webhook of ours also where our address has changed since', () => {
    const moved = { ...OURS, uri: 'https://old.example' };
    const setup = { webhooks: [moved], channels: [CHANNEL] };
    expect(provisioning().planRemoval(NUMBER, 0, setup)).toEqual({
      channelId: '25',
      webhookId: '1',
      left: [],
    });
    expect(provisioning().planRemoval({ ...NUMBER, webhookId: null }, 0, setup).left).toHaveLength(1);
  });

  it.each([
    { type: 'WhatsApp' },
    { type: 'ChatAPI', webHookId: '2' },
    { type: 'WhatsApp', webHookId: undefined },
  ])('touches no channel that is not ours to take: %j', ({ type, webHookId }) => {
    const { webHookId: _, ...unbound } = CHANNEL;
    const channel = { ...unbound, type, ...(webHookId !== undefined && { webHookId }) };
    const { channelId, left } = provisioning().planRemoval(NUMBER, 0, {
      webhooks: [OURS, OTHER],
      channels: [channel],
    });
    expect(channelId).toBeUndefined();
    expect(left).toContain('The channel 25 does not lead to us and stays.');
  });

  it('counts a channel that goes before as gone', () => {
    const channels = [CHANNEL, { ...CHANNEL, id: '26' }];
    const setup = { webhooks: [OURS], channels };
    expect(provisioning().planRemoval(NUMBER, 0, setup).webhookId).toBeUndefined();
    expect(provisioning().planRemoval(NUMBER, 0, setup, ['26'])).toEqual({
      channelId: '25',
      webhookId: '1',
      left: [],
    });
  });

  it('of what is gone leaves nothing to do', () => {
    expect(provisioning().planRemoval(NUMBER, 0, { webhooks: [], channels: [] })).toEqual({
      left: ['The channel 25 is gone already.'],
    });
  });
});

describe('what a failed call means', () => {
  const step = { at: 'channel', queueId: '999' } as const;

  it.each([
    ['credentials', 'unauthorized', 401, 'bad-credentials'],
    ['credentials', 'wrong-tenant', 403, 'wrong-tenant'],
    ['credentials', 'forbidden', 403, 'no-permission'],
    ['failed', 'invalid-queue', 400, 'unknown-queue'],
    ['failed', 'invalid-parameter', 400, 'refused'],
    ['failed', 'not-found', 404, 'refused'],
    ['uncertain', 'server-error', 500, 'in-doubt'],
    ['uncertain', 'redirected', 302, 'refused'],
    ['not-sent', 'connect-refused', undefined, 'not-available'],
  ] as const)('%s %s (%s) of a channel is %s', (kind, code, httpStatus, expected) => {
    expect(deskFailure(new DeliveryError(kind, { code, httpStatus }), step)).toMatchObject({
      code: expected,
    });
  });

  it('a list that is not there is not the Chat Gateway, and an answer to a verification is about our address', () => {
    const gone = new DeliveryError('gone', { code: 'conversation-gone', httpStatus: 404 });
    expect(deskFailure(gone, { at: 'read' })).toMatchObject({ code: 'refused' });
    for (const httpStatus of [400, 404, 500, 502]) {
      const error = new DeliveryError('uncertain', { code: 'any', httpStatus });
      expect(deskFailure(error, { at: 'verify', uri: URI })).toMatchObject({ code: 'unverified-url' });
    }
  });

  it('a bug of ours stays one', () => {
    const bug = new TypeError('ours');
    expect(deskFailure(bug, step)).toBe(bug);
  });
});
