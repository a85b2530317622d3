import { CONTENT_UNKNOWN, DeliveryError, OPTED_OUT, type DeliveryErrorKind, type HoldReason } from '#core';
import {
  FAKE_SIGNATURE,
  FakeMessageDoor,
  fakeReceipt,
  FakeReceiptDoor,
  fakeWebhook,
  inboundOf,
  type FakeText,
} from '../../support/fake-doors.js';
import { FAKE_MEDIA_URL, FakeChannel, type Outcome, type Script } from '../../support/fakes.js';
import { RETRY_AFTER_MS, type Call, type ChannelWorld, type Mood } from './world.js';

const NUMBER = { address: '+15550100', account: 'fake-account' };
let ids = 0;

/** The fake that core's own tests deliver through, before the provider that it is itself. */
export async function startFakeWorld(channel = new FakeChannel()): Promise<ChannelWorld> {
  const scripts: Record<Call, Script> = {
    send: channel.sends,
    list: channel.finds,
    received: channel.spans,
    receipt: channel.asks,
    media: channel.fetches,
    delete: channel.deletes,
    typing: channel.typings,
    content: channel.creates,
  };
  return {
    channel,
    tenantId: 'tenant',
    messageDoor: new FakeMessageDoor(),
    receiptDoor: new FakeReceiptDoor(),
    signatureHeader: FAKE_SIGNATURE,
    plain: NUMBER,
    rich: NUMBER,
    secrets: ['fake-webhook-secret'],
    newCustomer: () => `+1555${2_000_000 + (ids += 1)}`,
    next: (call, mood) => {
      if (mood === 'has-none') channel.lists = false;
      else scripts[call].next(outcomeOf(call, mood));
    },
    calls: (call) => scripts[call].played,
    taken: (to) =>
      channel.accepted.flatMap(({ mediaUrls = [], providerId, text, ...one }) =>
        one.to === to ? [{ providerId, text, mediaUrls }] : [],
      ),
    writes: async ({ address: to, account }, from, message) => {
      const { media = [], contact, location, choice, strange, repliedTo, forwarded, news } = message;
      const card = contact && {
        contentType: 'text/vcard',
        bytes: Buffer.from(`BEGIN:VCARD\r\nFN:${contact.name}\r\nTEL:${contact.phone}\r\nEND:VCARD\r\n`),
      };
      const files = [...media, ...(card ? [card] : [])].map(({ contentType, bytes }) => {
        const url = `${FAKE_MEDIA_URL}medium-${(ids += 1)}`;
        channel.media.set(url, { bytes, contentType });
        return { url, type: contentType };
      });
      const post: FakeText = {
        ...news,
        id: `text-${(ids += 1)}`,
        account,
        from,
        to,
        ...(message.text !== undefined && { text: message.text }),
        ...(files.length > 0 && { files }),
        ...(location && { place: location }),
        ...(choice && { pressed: choice }),
        ...(strange !== undefined && { kind: strange }),
        ...(repliedTo !== undefined && { answers: repliedTo }),
        ...(forwarded && { passedOn: true }),
      };
      channel.received.push({ event: inboundOf(post), at: new Date() });
      return fakeWebhook('/webhooks/fake/messages', post);
    },
    reports: async (id, status, because) => {
      const code = because === 'opted-out' ? OPTED_OUT : because;
      const post = { id, status, ...(code !== undefined && { code }) };
      const receipt = fakeReceipt(post);
      if (receipt) channel.receipts.set(id, receipt);
      const sent = channel.accepted.find(({ providerId }) => providerId === id);
      return fakeWebhook(`/webhooks/fake/status?m=${sent?.messageId}&a=${sent?.attemptId}`, post);
    },
    unusable: () => [
      fakeWebhook('/webhooks/fake/messages', {}),
      fakeWebhook('/webhooks/fake/messages', { id: 'x', account: 'a', from: '', to: NUMBER.address }),
    ],
    loses: (url) => void channel.media.delete(url),
    has: (url) => channel.media.has(url),
    typedFor: () => channel.typedTo,
    close: () => Promise.resolve(),
  };
}

/** The fake has no wire, so what a real adapter makes of an answer is said here. */
function outcomeOf(call: Call, mood: Exclude<Mood, 'has-none'>): Outcome {
  const accepts = mood.endsWith('having-taken');
  const throws = (kind: DeliveryErrorKind, code: string, hold?: HoldReason): Outcome => ({
    accepts,
    throws: new DeliveryError(kind, {
      code,
      hold,
      ...(mood.startsWith('rejects') && { providerCode: code }),
    }),
  });
  switch (mood) {
    case 'unreachable':
      return { ...throws('not-sent', 'connect-refused'), connects: false };
    case 'rate-limits':
      return {
        accepts,
        throws: new DeliveryError('not-sent', { code: 'rate-limited', retryAfterMs: RETRY_AFTER_MS }),
      };
    case 'refuses-credentials':
      return throws('credentials', 'credentials-refused');
    case 'rejects-recipient':
    case 'rejects-for-reasons-unknown':
      return throws('failed', 'rejected');
    case 'rejects-as-opted-out':
      return throws('failed', OPTED_OUT);
    case 'rejects-outside-window':
      return throws('held', 'outside-window', 'window');
    case 'rejects-our-sender':
      return throws('held', 'sender-unusable', 'configuration');
    case 'rejects-content-as-unknown':
      return throws('not-sent', CONTENT_UNKNOWN);
    default:
      return throws(call === 'send' || call === 'typing' ? 'uncertain' : 'not-sent', 'unreadable-answer');
  }
}
