import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { WebhookRefusedError } from '#core';
import { parseForm } from './form.js';
import { parseMessage, parseStatus } from './parser.js';

const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const fixture = (name: string) =>
  parseForm(readFileSync(new URL(`../../../test/fixtures/twilio/${name}.form`, import.meta.url)));
const form = (parameters: Record<string, string>) =>
  parseForm(Buffer.from(new URLSearchParams(parameters).toString()));

const SID = `SM${'0a'.repeat(16)}`;
const message = (parameters: Record<string, string> = {}) =>
  parseMessage(
    'default',
    form({
      AccountSid: ACCOUNT,
      MessageSid: SID,
      From: '+15550123',
      To: '+15550100',
      Body: 'hi',
      ...parameters,
    }),
  );
const content = (parameters: Record<string, string>) => message({ Body: '', ...parameters }).content;

describe(parseMessage.name, () => {
  it('reads a captured SMS', () => {
    const sid = 'SM00000000000000000000000000000001';
    expect(parseMessage('default', fixture('inbound-sms'))).toEqual({
      kind: 'inbound-message',
      tenantId: 'default',
      dedupeKey: `twilio:message:${ACCOUNT}:${sid}`,
      providerMessageId: sid,
      channel: 'sms',
      account: ACCOUNT,
      to: '+15550100',
      from: '+15550123',
      aliases: [{ channel: 'sms', value: '+15550123' }],
      content: { type: 'text', text: 'Where is my parcel? café 📦' },
      raw: fixture('inbound-sms'),
    });
  });

  it('reads a captured MMS', () => {
    expect(parseMessage('default', fixture('inbound-mms'))).toMatchObject({
      channel: 'sms',
      serviceId: 'MG00000000000000000000000000000009',
      content: {
        type: 'attachments',
        text: 'Test',
        attachments: [
          {
            url: `https://api.twilio.com/2010-04-01/Accounts/${ACCOUNT}/Messages/MM00000000000000000000000000000002/Media/ME00000000000000000000000000000003`,
            contentType: 'image/jpeg',
          },
        ],
      },
    });
  });

  it('reads a captured WhatsApp text', () => {
    expect(parseMessage('default', fixture('inbound-whatsapp-text'))).toMatchObject({
      channel: 'whatsapp',
      to: 'whatsapp:+15550100',
      from: 'whatsapp:+15550125',
      aliases: [{ channel: 'whatsapp', value: '+15550125' }],
      profileName: 'Ada',
      content: { type: 'text', text: 'Olá' },
    });
  });

  it('reads a captured button reply, the business-scoped id first', () => {
    expect(parseMessage('default', fixture('inbound-whatsapp-button'))).toMatchObject({
      aliases: [
        { channel: 'whatsapp', value: 'CC.13AbCdEf' },
        { channel: 'whatsapp', value: '+15550125' },
      ],
      content: { type: 'choice', title: 'Yes, please', payload: 'yes_1' },
    });
  });

  it('knows a customer whose number is hidden by one alias', () => {
    const hidden = message({
      From: 'whatsapp:CC.1x',
      To: 'whatsapp:+15550100',
      ExternalUserId: 'whatsapp:CC.1x',
    });
    expect(hidden.from).toBe('whatsapp:CC.1x');
    expect(hidden.aliases).toEqual([{ channel: 'whatsapp', value: 'CC.1x' }]);
  });

  it.each([
    ['an empty body', { NumMedia: '0' }, { type: 'text', text: '' }],
    [
      'a body to the letter',
      { Body: ' \r\n\u0000<b>\u202e ' },
      { type: 'text', text: ' \r\n\u0000<b>\u202e ' },
    ],
    [
      'media without a text',
      { NumMedia: '2', MediaUrl0: 'https://x/0', MediaContentType0: 'image/png', MediaUrl1: 'https://x/1' },
      {
        type: 'attachments',
        attachments: [{ url: 'https://x/0', contentType: 'image/png' }, { url: 'https://x/1' }],
      },
    ],
    ['media announced but missing', { NumMedia: '3', Body: 'b' }, { type: 'text', text: 'b' }],
    [
      'a contact',
      { NumMedia: '1', MediaUrl0: 'https://x/0', MediaContentType0: 'text/vcard; charset=utf-8' },
      { type: 'contact', attachments: [{ url: 'https://x/0', contentType: 'text/vcard; charset=utf-8' }] },
    ],
    [
      'a location',
      { Latitude: '52.5200', Longitude: '13.40', Label: 'Dock', Address: '' },
      { type: 'location', latitude: '52.5200', longitude: '13.40', label: 'Dock' },
    ],
    ['half a location', { Latitude: '52.5', Body: 'b' }, { type: 'text', text: 'b' }],
    [
      'a button without text',
      { ButtonPayload: 'p', Body: 'b' },
      { type: 'choice', title: 'b', payload: 'p' },
    ],
    ['a bare payload', { ButtonPayload: 'p' }, { type: 'choice', title: 'p', payload: 'p' }],
    ['a list entry', { ListTitle: 'T', ListId: 'l' }, { type: 'choice', title: 'T', payload: 'l' }],
  ])('reads %s', (_name, parameters, expected) => {
    expect(content(parameters)).toEqual(expected);
  });

  it('keeps every parameter, known or not', () => {
    expect(message({ Unheard: 'of', Empty: '' }).raw).toMatchObject({ Unheard: 'of', Empty: '' });
  });

  it.each([
    ['no MessageSid', { MessageSid: '' }, 'malformed-message-sid'],
    ['a foreign MessageSid', { MessageSid: 'CA' + '0'.repeat(32) }, 'malformed-message-sid'],
    ['a line break behind the MessageSid', { MessageSid: `${SID}\n` }, 'malformed-message-sid'],
    ['no From', { From: '' }, 'malformed-address'],
    ['a control character in From', { From: '+1555\r\n0123' }, 'malformed-address'],
    ['an endless To', { To: '+'.repeat(201) }, 'malformed-address'],
    ['NUL in To', { To: '+1\u0000' }, 'malformed-address'],
    ['eleven media', { NumMedia: '11' }, 'malformed-media-count'],
    ['less than no media', { NumMedia: '-1' }, 'malformed-media-count'],
    ['a channel we do not know', { To: 'messenger:123' }, 'unsupported-channel'],
  ])('refuses %s', (_name, parameters, reason) => {
    expect(() => message(parameters)).toThrow(new WebhookRefusedError(400, reason));
  });

  it('refuses an address given twice', () => {
    const body = `AccountSid=${ACCOUNT}&MessageSid=${SID}&To=%2B1&From=%2B2&From=%2B3`;
    expect(() => parseMessage('default', parseForm(Buffer.from(body)))).toThrow(WebhookRefusedError);
  });
});

const MESSAGE_ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const ATTEMPT_ID = '01890a5d-ac96-774b-bcce-b302099a8058';
const URL_BASE = 'https://causeway.example/webhooks/twilio/status';
const CALLBACK = `${URL_BASE}?m=${MESSAGE_ID}&a=${ATTEMPT_ID}`;
const status = (parameters: Record<string, string>, url = CALLBACK) =>
  parseStatus('default', form({ AccountSid: ACCOUNT, MessageSid: SID, ...parameters }), url);

describe(parseStatus.name, () => {
  it('reads a captured receipt', () => {
    const sid = 'SM00000000000000000000000000000007';
    expect(parseStatus('default', fixture('status-delivered'), CALLBACK)).toEqual([
      {
        kind: 'receipt',
        tenantId: 'default',
        dedupeKey: `twilio:status:${sid}:delivered::`,
        providerMessageId: sid,
        status: 'delivered',
        attempt: { messageId: MESSAGE_ID, attemptId: ATTEMPT_ID },
      },
    ]);
    expect(parseStatus('default', fixture('status-whatsapp-read'), URL_BASE)).toEqual([
      {
        kind: 'receipt',
        tenantId: 'default',
        dedupeKey: `twilio:status:${sid}:read::READ`,
        providerMessageId: sid,
        status: 'read',
      },
    ]);
    expect(parseStatus('default', fixture('status-whatsapp-undelivered'), URL_BASE)).toMatchObject([
      { status: 'undelivered', providerCode: '63016', late: 'held-window' },
    ]);
  });

  it.each([
    ['accepted', 'queued'],
    ['scheduled', 'queued'],
    ['queued', 'queued'],
    ['sending', 'sending'],
    ['sent', 'sent'],
    ['partially_delivered', 'sent'],
    ['delivered', 'delivered'],
    ['read', 'read'],
    ['undelivered', 'undelivered'],
    ['failed', 'failed'],
    ['canceled', 'failed'],
  ])('takes %s for %s', (twilio, ours) => {
    expect(status({ MessageStatus: twilio })).toMatchObject([{ status: ours }]);
  });

  it.each(['received', 'receiving', 'tomorrow', 'DELIVERED', '__proto__'])(
    'makes no event of %s',
    (twilio) => {
      expect(status({ MessageStatus: twilio })).toEqual([]);
    },
  );

  it('tells a failure by its code, and only a failure', () => {
    expect(status({ MessageStatus: 'failed' })).toMatchObject([{ late: 'failed' }]);
    expect(status({ MessageStatus: 'failed', ErrorCode: '99999' })).toMatchObject([{ late: 'failed' }]);
    expect(status({ MessageStatus: 'undelivered', ErrorCode: '30003' })).toMatchObject([
      { late: 'once-more', dedupeKey: `twilio:status:${SID}:undelivered:30003:` },
    ]);
    expect(status({ MessageStatus: 'sent', ErrorCode: '30003' })[0]).not.toHaveProperty('late');
  });

  it('lets EventType=READ outrank the status beside it', () => {
    expect(status({ MessageStatus: 'delivered', EventType: 'READ' })).toMatchObject([{ status: 'read' }]);
  });

  it.each([
    ['absent', URL_BASE],
    ['without the attempt', `${URL_BASE}?m=${MESSAGE_ID}`],
    ['no UUID', `${URL_BASE}?m=${MESSAGE_ID}&a=1%27or%271`],
    ['longer than a UUID', `${URL_BASE}?m=${MESSAGE_ID}0&a=${ATTEMPT_ID}`],
    ['badly escaped', `${URL_BASE}?m=%&a=%ff`],
  ])('takes a receipt whose correlation is %s, without it', (_name, url) => {
    const [receipt] = status({ MessageStatus: 'sent' }, url);
    expect(receipt).toMatchObject({ status: 'sent' });
    expect(receipt).not.toHaveProperty('attempt');
  });

  it('refuses what names no message or no status', () => {
    expect(() => status({ MessageSid: 'x', MessageStatus: 'sent' })).toThrow(WebhookRefusedError);
    expect(() => status({})).toThrow(new WebhookRefusedError(400, 'missing-status'));
  });
});
