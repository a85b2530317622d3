import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WebhookRefusedError } from '#core';
import { parseForm } from './form.js';
import { contentOf } from './inbound-content.js';
import { contextOf } from './inbound-context.js';
import { parseMessage } from './parser.js';

const form = (parameters: Record<string, string>) =>
  parseForm(Buffer.from(new URLSearchParams(parameters).toString()));
const SID = `SM${'0a'.repeat(16)}`;
const media = (contentType: string) => ({
  Body: '',
  NumMedia: '1',
  MediaUrl0: 'https://x/0',
  MediaContentType0: contentType,
});

describe(contentOf.name, () => {
  it.each([
    ['a sticker', media('image/webp'), { kind: 'sticker' }],
    ['a sticker by its kind', { ...media('image/png'), MessageType: 'sticker' }, { kind: 'sticker' }],
    ['a voice message', media('audio/ogg; codecs=opus'), { kind: 'voice' }],
    ['a picture', media('image/jpeg'), {}],
  ])('knows %s', (_name, parameters, expected) => {
    const contentType = parameters.MediaContentType0;
    expect(contentOf(form(parameters), 'whatsapp')).toEqual({
      type: 'attachments',
      attachments: [{ url: 'https://x/0', contentType, ...expected }],
    });
  });

  it('takes a WebP image by MMS for what it is', () => {
    expect(contentOf(form(media('image/webp')), 'sms')).toMatchObject({
      attachments: [{ url: 'https://x/0', contentType: 'image/webp' }],
    });
    expect(contentOf(form(media('image/webp')), 'sms')).not.toMatchObject({
      attachments: [{ kind: 'sticker' }],
    });
  });

  const flow = JSON.stringify({ flow_token: 't', name: 'Ada', sizes: ['S', 'L'], odd: { a: 1 } });
  it.each([
    [
      'a list reply in InteractiveData',
      { InteractiveData: JSON.stringify({ type: 'list_reply', list_reply: { id: 'l1', title: 'Large' } }) },
      { type: 'choice', title: 'Large', payload: 'l1' },
    ],
    [
      'a button reply in InteractiveData',
      { InteractiveData: JSON.stringify({ interactive: { button_reply: { id: 'b1', title: 'Yes' } } }) },
      { type: 'choice', title: 'Yes', payload: 'b1' },
    ],
    ['a form', { FlowData: flow }, { type: 'choice', title: 'name: Ada\nsizes: S, L\nodd: ', payload: flow }],
    ['JSON that is none', { InteractiveData: '{"a', MessageType: 'interactive' }, { kind: 'interactive' }],
    ['JSON of another shape', { InteractiveData: '[1]', Body: 'b' }, { type: 'text', text: 'b' }],
    ['a kind that we do not know', { MessageType: 'hologram' }, { type: 'unknown', kind: 'hologram' }],
    ['a reaction', { MessageType: 'reaction' }, { type: 'unknown', kind: 'reaction' }],
    ['a reaction with its sign', { MessageType: 'reaction', Body: '👍' }, { type: 'text', text: '👍' }],
    ['a kind that is no word', { MessageType: '<b>' }, { type: 'unknown' }],
    ['an empty text', { MessageType: 'text' }, { type: 'text', text: '' }],
    ['an empty message', {}, { type: 'text', text: '' }],
  ])('reads %s', (_name, parameters, expected) => {
    expect(contentOf(form({ Body: '', ...parameters }), 'whatsapp')).toMatchObject(expected);
  });

  it('carries the picture of an advertisement', () => {
    const parameters = {
      Body: 'hi',
      ReferralMediaUrl: 'https://x/ad',
      ReferralMediaContentType: 'image/png',
    };
    expect(contentOf(form(parameters), 'whatsapp')).toEqual({
      type: 'attachments',
      text: 'hi',
      attachments: [{ url: 'https://x/ad', contentType: 'image/png' }],
    });
  });
});

describe(contextOf.name, () => {
  it.each([
    [
      'a reply',
      { OriginalRepliedMessageSid: SID, OriginalRepliedMessageSender: 'whatsapp:+1' },
      { repliedTo: { providerMessageId: SID, sender: 'whatsapp:+1' } },
    ],
    ['a forwarded message', { Forwarded: 'true', FrequentlyForwarded: 'false' }, { forwarded: 'once' }],
    ['one forwarded often', { Forwarded: 'true', FrequentlyForwarded: 'true' }, { forwarded: 'often' }],
    [
      'a mark in the metadata',
      { ChannelMetadata: '{"type":"whatsapp","data":{"context":{"Forwarded":"true"}}}' },
      { forwarded: 'once' },
    ],
    [
      'an advertisement',
      {
        ReferralHeadline: 'Sale',
        ReferralBody: 'All shoes',
        ReferralSourceUrl: 'https://fb.example/1',
        ReferralSourceType: 'ad',
        ReferralSourceId: '7',
      },
      {
        referral: {
          headline: 'Sale',
          body: 'All shoes',
          url: 'https://fb.example/1',
          sourceType: 'ad',
          sourceId: '7',
        },
      },
    ],
    ['OptOutType', { OptOutType: 'START', Body: 'MAMBO' }, { keyword: 'start' }],
  ])('reads %s', (_name, parameters, expected) => {
    expect(contextOf(form(parameters), 'whatsapp:+15550100')).toEqual(expected);
  });

  it.each([
    ['nothing', {}],
    ['a reply to nothing that exists', { OriginalRepliedMessageSid: 'x' }],
    ['metadata that is no JSON', { ChannelMetadata: '{' }],
    ['an OptOutType that is none', { OptOutType: 'MAYBE' }],
  ])('says nothing for %s', (_name, parameters) => {
    expect(contextOf(form(parameters), 'whatsapp:+15550100')).toBeUndefined();
  });

  it.each([
    ['stop', 'STOP', 'StopAll', ' unsubscribe\n', 'end', 'quit', 'CANCEL', 'revoke', 'optout'],
    ['start', 'Start', 'UNSTOP', 'yes'],
    ['help', 'help', 'INFO'],
  ])('takes the default words for %s', (keyword, ...bodies) => {
    for (const Body of bodies) expect(contextOf(form({ Body }), '+15550100')).toEqual({ keyword });
  });

  it.each(['please stop', 'stop.', 'stop it', '', 'yes!'])('leaves "%s" alone', (Body) => {
    expect(contextOf(form({ Body }), '+15550100')).toBeUndefined();
  });

  it('matches no words on WhatsApp, where only Advanced Opt-Out knows them', () => {
    expect(contextOf(form({ Body: 'STOP' }), 'whatsapp:+15550100')).toBeUndefined();
  });
});

const NAMES = [
  'Body',
  'NumMedia',
  'MediaUrl0',
  'MediaContentType0',
  'MessageType',
  'InteractiveData',
  'FlowData',
  'ChannelMetadata',
  'Forwarded',
  'ButtonText',
  'ButtonPayload',
  'ListId',
  'Latitude',
  'Longitude',
  'OptOutType',
  'OriginalRepliedMessageSid',
  'ReferralMediaUrl',
  'ExternalUserId',
  'From',
  'To',
  'MessageSid',
  '__proto__',
];

describe('whatever is posted', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json({ maxDepth: 5 }),
    fc.constantFrom('1', '10', 'true', SID, '+15550100', 'whatsapp:CC.1', 'text', '['.repeat(50_000)),
    fc.constant(`{"a":${'[1,'.repeat(20_000)}1${']'.repeat(20_000)}}`),
  );
  const parameters = fc.array(fc.tuple(fc.constantFrom(...NAMES), value), { maxLength: 12 });

  it('is read or refused, and breaks nothing', () => {
    fc.assert(
      fc.property(parameters, fc.boolean(), (pairs, isWhole) => {
        const whole: [string, string][] = isWhole
          ? [
              ['MessageSid', SID],
              ['From', 'whatsapp:+1'],
              ['To', 'whatsapp:+2'],
            ]
          : [];
        const body = new URLSearchParams([...whole, ...pairs]).toString();
        if (body.length > 256 * 1024) return;
        try {
          const { content } = parseMessage('default', parseForm(Buffer.from(body)));
          expect(() => JSON.stringify(content)).not.toThrow();
        } catch (error) {
          expect(error).toBeInstanceOf(WebhookRefusedError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
