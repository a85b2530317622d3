import { randomUUID } from 'node:crypto';
import type { WebhookRequest } from '#core';
import { ProviderHttp } from '#platform';
import type { ChannelWorld } from '../channel/world.js';
import { PigeonChannel } from './channel.js';
import { PigeonMessageDoor, PigeonStatusDoor, signature } from './door.js';
import { PigeonProvider } from './provider.js';

const NUMBER = { address: '+15550100', account: 'loft-1' };
const SECRET = 'canary-pigeon-secret';
const KEY = 'canary-pigeon-key';
const PUBLIC = 'https://causeway.example';
const WORDS: Readonly<Record<string, string>> = {
  queued: 'waiting',
  sending: 'flying',
  sent: 'landed',
  delivered: 'handed-over',
  read: 'opened',
  undelivered: 'returned',
  failed: 'lost',
};
let customers = 0;

export async function startPigeonWorld(): Promise<ChannelWorld> {
  const provider = await new PigeonProvider().listen();
  const http = new ProviderHttp();
  const channel = new PigeonChannel(http, { apiBaseUrl: provider.url, apiKey: KEY, publicBaseUrl: PUBLIC });
  const doorOptions = { tenantId: 'tenant', webhookSecrets: ['another', SECRET] };
  return {
    channel,
    tenantId: doorOptions.tenantId,
    messageDoor: new PigeonMessageDoor(doorOptions),
    receiptDoor: new PigeonStatusDoor(doorOptions),
    signatureHeader: 'x-pigeon-signature',
    plain: NUMBER,
    rich: NUMBER,
    secrets: [SECRET, KEY],
    newCustomer: () => `+1555${2_000_000 + (customers += 1)}`,
    next: (call, mood) => provider.next(call, mood),
    calls: (call) => provider.calls.filter((one) => one === call).length,
    taken: (to) =>
      provider.messages
        .filter((message) => message.to === to)
        .map(({ id, text, files, ttl }) => ({
          providerId: id,
          text,
          mediaUrls: files,
          ...(ttl !== undefined && { expiresInMs: ttl * 1_000 }),
        })),
    writes: async ({ address: to, account }, from, message) => {
      const { media = [], contact, location, choice, strange, repliedTo, forwarded, news } = message;
      const cards = contact ? [{ contentType: 'text/vcard', bytes: Buffer.from(contact.name) }] : [];
      const files = [...media, ...cards].map(({ contentType, bytes }) => provider.keep(contentType, bytes));
      const text = {
        ...news,
        id: randomUUID(),
        account,
        from,
        to,
        ...(message.text !== undefined && { text: message.text }),
        ...(files.length > 0 && { files }),
        ...(location && { place: placeOf(location) }),
        ...(choice && { pressed: { id: choice.payload, title: choice.title } }),
        ...(strange !== undefined && { kind: strange }),
        ...(repliedTo !== undefined && { answers: repliedTo }),
        ...(forwarded && { passedOn: true }),
      };
      provider.received.push({ text, at: Date.now() });
      return signed(`${PUBLIC}/webhooks/pigeon/messages`, text);
    },
    reports: async (providerId, status, because) => {
      const message = provider.messages.find(({ id }) => id === providerId);
      if (!message) throw new Error('There is no such message.');
      message.status = WORDS[status] ?? status;
      if (because) message.code = because === 'opted-out' ? 'unsubscribed' : 'carrier-busy';
      const { callback, ...post } = message;
      return signed(callback, post);
    },
    unusable: () =>
      [{}, [], null, 7, { id: 'x', account: 'a', from: 7, to: '' }].map((post) =>
        signed(`${PUBLIC}/webhooks/pigeon/messages`, post),
      ),
    loses: (url) => void provider.files.delete(url),
    has: (url) => provider.files.has(url),
    typedFor: () => [],
    close: async () => {
      http.destroy();
      await provider.close();
    },
  };
}

function placeOf({ latitude, longitude, ...rest }: { latitude: number; longitude: number; label?: string }) {
  return { latitude: String(latitude), longitude: String(longitude), ...rest };
}

function signed(url: string, post: unknown): WebhookRequest {
  const body = Buffer.from(JSON.stringify(post));
  return { method: 'POST', url, headers: { 'x-pigeon-signature': signature(SECRET, url, body) }, body };
}
