import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type InboundText,
  startTwilioSimulator,
  type TwilioSimulator,
} from '../../apps/sandbox/src/index.js';
import { startWebhookReceiver } from '../contracts/webhook-receiver.js';
import { contractsAvailable, ExchangeAudit } from '../support/contracts.js';

const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const TOKEN = 'the-auth-token';
const OURS = '+15550100';
const CUSTOMER = '+15550123';
const AUTHORIZATION = `Basic ${Buffer.from(`${ACCOUNT}:${TOKEN}`).toString('base64')}`;
/** No text in any encoding. */
const PICTURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0xff, 0xfe]);
const PNG = { contentType: 'image/png', bytes: PICTURE, fileName: 'picture.png' };
const WHATSAPP = { from: `whatsapp:${CUSTOMER}`, to: `whatsapp:${OURS}`, body: '' };

describe('what customers send through the Twilio simulator', () => {
  const audit = contractsAvailable() ? new ExchangeAudit() : undefined;
  let receiver: Awaited<ReturnType<typeof startWebhookReceiver>>;
  let simulator: TwilioSimulator;
  let client: ReturnType<typeof twilio>;

  beforeEach(async () => {
    receiver = await startWebhookReceiver();
    simulator = await startTwilioSimulator({
      accountSid: ACCOUNT,
      authTokens: [TOKEN],
      numbers: [OURS, `whatsapp:${OURS}`],
      webhookUrl: `${receiver.url}/webhooks/twilio/messages`,
      onExchange: audit?.record,
    });
    client = twilio(ACCOUNT, TOKEN);
    client.api.baseUrl = simulator.url;
  });

  afterEach(async () => {
    await simulator.close();
    await receiver.close();
    const violations = audit?.violations() ?? [];
    audit?.exchanges.splice(0);
    expect(violations).toEqual([]);
  });

  async function received(
    text: Omit<InboundText, 'body'> & { body?: string },
  ): Promise<Record<string, string>> {
    await simulator.receiveText({ body: '', ...text });
    return Object.fromEntries(new URLSearchParams(receiver.received.at(-1)?.body));
  }

  async function control(path: string, body: object): Promise<Response> {
    return fetch(`${simulator.url}/__sandbox${path}`, { method: 'POST', body: JSON.stringify(body) });
  }

  /** As a careful client fetches: the redirect by hand, without the credentials. */
  async function fetched(url: string): Promise<Response> {
    const first = await fetch(url, { headers: { authorization: AUTHORIZATION }, redirect: 'manual' });
    return first.status === 307 ? fetch(String(first.headers.get('location'))) : first;
  }

  it('a picture: named in the webhook, fetched over the CDN of another origin', async () => {
    const params = await received({ from: CUSTOMER, to: OURS, body: 'see', media: [PNG, PNG] });
    expect(params).toMatchObject({ NumMedia: '2', MediaContentType1: 'image/png', Body: 'see' });
    expect(params['MessageSid']).toMatch(/^MM/);
    const url = String(params['MediaUrl1']);
    expect(url).toContain(
      `${simulator.url}/2010-04-01/Accounts/${ACCOUNT}/Messages/${params['MessageSid']}/Media/ME`,
    );
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(401);

    const redirect = await fetch(url, { headers: { authorization: AUTHORIZATION }, redirect: 'manual' });
    expect(redirect.status).toBe(307);
    const location = String(redirect.headers.get('location'));
    expect(new URL(location).origin).not.toBe(new URL(simulator.url).origin);
    expect((await fetch(location, { headers: { authorization: AUTHORIZATION } })).status).toBe(400);
    const medium = await fetch(location);
    expect(Buffer.from(await medium.arrayBuffer())).toEqual(PICTURE);
    expect(medium.headers.get('content-type')).toBe('image/png');
    expect(medium.headers.get('content-length')).toBe(String(PICTURE.length));
    expect((await fetch(location.slice(0, -1))).status).toBe(403);
  });

  it('lists, describes and deletes media as the package asks for them', async () => {
    const { sid, media = [] } = await simulator.receiveText({
      from: CUSTOMER,
      to: OURS,
      body: '',
      media: [PNG],
    });
    const [first = ''] = media;
    expect(await client.messages(sid).media.list()).toMatchObject([{ sid: first, contentType: 'image/png' }]);
    expect(await client.messages(sid).media(first).fetch()).toMatchObject({ parentSid: sid });
    const url = `${simulator.url}/2010-04-01/Accounts/${ACCOUNT}/Messages/${sid}/Media/${first}`;
    expect((await fetched(url)).status).toBe(200);
    expect(await client.messages(sid).media(first).remove()).toBe(true);
    await expect(client.messages(sid).media(first).remove()).rejects.toMatchObject({ code: 20404 });
    expect((await fetched(url)).status).toBe(404);
    expect(await client.messages(sid).media.list()).toEqual([]);
  });

  it('a medium that has just come is not found at first, and fails by name', async () => {
    simulator.settings.mediaNotFoundTimes = 2;
    const params = await received({ from: CUSTOMER, to: OURS, media: [PNG] });
    const statuses: number[] = [];
    simulator.setFault({ operation: 'media.cdn', effect: 'answer', status: 503 });
    for (let n = 0; n < 4; n += 1) statuses.push((await fetched(String(params['MediaUrl0']))).status);
    expect(statuses).toEqual([404, 404, 503, 200]);
    simulator.setFault({ operation: 'media.fetch', effect: 'answer', status: 500 });
    expect((await fetched(String(params['MediaUrl0']))).status).toBe(500);
  });

  it('plays tricks on who fetches', async () => {
    const sent = {
      contentType: 'text/html',
      base64: PICTURE.toString('base64'),
      announcedContentType: 'image/png',
    };
    const text = { from: CUSTOMER, to: OURS, media: [sent] };
    const { sid, media } = JSON.parse(await (await control('/texts', text)).text());
    const params = Object.fromEntries(new URLSearchParams(receiver.received.at(-1)?.body));
    expect(params['MediaContentType0']).toBe('image/png');
    const url = `${simulator.url}/2010-04-01/Accounts/${ACCOUNT}/Messages/${sid}/Media/${media[0]}`;
    expect((await fetched(url)).headers.get('content-type')).toBe('text/html');

    async function trick(tricks: object): Promise<Response> {
      const path = `${simulator.url}/__sandbox/media/${media[0]}`;
      const changed = await fetch(path, { method: 'PATCH', body: JSON.stringify(tricks) });
      expect(changed.status).toBe(204);
      return fetched(url);
    }
    const unmeasured = await trick({ noLength: true });
    expect(unmeasured.headers.get('content-length')).toBeNull();
    expect(Buffer.from(await unmeasured.arrayBuffer())).toEqual(PICTURE);
    const short = await trick({ declaredLength: 1000 });
    expect(short.headers.get('content-length')).toBe('1000');
    await expect(short.arrayBuffer()).rejects.toThrow();

    const endless = (await trick({ endless: true, declaredLength: 1e12 })).body?.getReader();
    let length = 0;
    while (length < 5 * 1024 * 1024) length += (await endless?.read())?.value?.byteLength ?? 0;
    await endless?.cancel();
    const bomb = await trick({ endless: false, declaredLength: 1e6, gzipBomb: true });
    expect(bomb.headers.get('content-encoding')).toBe('gzip');
    const inflated = bomb.body?.getReader();
    for (length = 0; length < 5 * 1024 * 1024;) length += (await inflated?.read())?.value?.byteLength ?? 0;
    await inflated?.cancel();
    await trick({ redirectTo: `${receiver.url}/elsewhere` });
    expect(receiver.received.at(-1)?.url).toBe('/elsewhere');
    const kept = await fetch(`${simulator.url}/__sandbox/media/${media[0]}`);
    expect(Buffer.from(await kept.arrayBuffer())).toEqual(PICTURE);
  });

  it.each<{ what: string; text: Partial<InboundText>; params: Record<string, string> }>([
    {
      what: 'a voice note',
      text: { media: [{ ...PNG, contentType: 'audio/ogg' }] },
      params: { MessageType: 'audio' },
    },
    {
      what: 'a sticker',
      text: { media: [{ ...PNG, contentType: 'image/webp' }] },
      params: { MessageType: 'sticker' },
    },
    {
      what: 'a document',
      text: { media: [{ ...PNG, contentType: 'application/pdf' }] },
      params: { MessageType: 'document' },
    },
    {
      what: 'a contact',
      text: { contact: { name: 'Bo', phone: '+15550199' } },
      params: { NumMedia: '1', MediaContentType0: 'text/vcard', MessageType: 'contacts' },
    },
    {
      what: 'a place',
      text: { location: { latitude: 52.5, longitude: -13.4, label: 'Gate' } },
      params: { Latitude: '52.5', Longitude: '-13.4', Label: 'Gate', Body: '', MessageType: 'location' },
    },
    {
      what: 'a button',
      text: { button: { text: 'Yes', payload: 'yes-1' } },
      params: { Body: 'Yes', ButtonText: 'Yes', ButtonPayload: 'yes-1', MessageType: 'interactive' },
    },
    {
      what: 'a choice of a list',
      text: { listReply: { id: '7', title: 'Seven', description: 'lucky' } },
      params: {
        Body: 'Seven',
        ButtonPayload: '7',
        InteractiveData:
          '{"type":"list_reply","list_reply":{"id":"7","title":"Seven","description":"lucky"}}',
      },
    },
    {
      what: 'a forwarded text',
      text: { body: 'x', forwarded: true },
      params: { Forwarded: 'true', FrequentlyForwarded: 'false' },
    },
    {
      what: 'a chain letter',
      text: { body: 'x', forwarded: 'frequently' },
      params: { FrequentlyForwarded: 'true' },
    },
    {
      what: 'a click on an advertisement',
      text: {
        body: 'x',
        referral: { headline: 'Sale', ctwaClid: 'c1', sourceUrl: 'https://example.org/ad' },
      },
      params: { ReferralHeadline: 'Sale', ReferralCtwaClid: 'c1', ReferralNumMedia: '0' },
    },
    {
      what: 'a kind nobody knows',
      text: { messageType: 'reaction' },
      params: { MessageType: 'reaction', Body: '', NumMedia: '0' },
    },
    {
      what: 'a customer without a number',
      text: { body: 'x', hiddenNumber: true },
      params: { From: 'whatsapp:US.15550123', ExternalUserId: 'whatsapp:US.15550123' },
    },
  ])('$what', async ({ text, params }) => {
    const shown = await received({ ...WHATSAPP, ...text });
    expect(shown).toMatchObject(params);
    expect('WaId' in shown).toBe(text.hiddenNumber === undefined);
  });

  it('an answer to a message of ours names it, and who wrote it', async () => {
    const { sid } = await simulator.receiveText({ ...WHATSAPP, body: 'first' });
    expect(await received({ ...WHATSAPP, body: 'to my own', repliedTo: sid })).toMatchObject({
      OriginalRepliedMessageSid: sid,
      OriginalRepliedMessageSender: WHATSAPP.from,
    });
    const ours = await client.messages.create({ from: WHATSAPP.to, to: WHATSAPP.from, body: 'Well?' });
    const params = await received({ ...WHATSAPP, body: 'Yes', repliedTo: ours.sid });
    expect(params['OriginalRepliedMessageSender']).toBe(WHATSAPP.to);
  });

  it('takes all of it over the control API, and shows the media there', async () => {
    const medium = { contentType: 'image/jpeg', base64: PICTURE.toString('base64'), fileName: 'p.jpg' };
    await control('/texts', {
      from: WHATSAPP.from,
      media: [medium],
      repliedTo: 'SM1',
      forwarded: 'frequently',
    });
    const params = Object.fromEntries(new URLSearchParams(receiver.received.at(-1)?.body));
    expect(params).toMatchObject({
      MessageType: 'image',
      OriginalRepliedMessageSid: 'SM1',
      FrequentlyForwarded: 'true',
    });
    await control('/texts', {
      from: WHATSAPP.from,
      location: { latitude: 1, longitude: 2 },
      hiddenNumber: true,
    });
    expect(receiver.received.at(-1)?.body).toContain('Latitude=1');
    const shown = await (await fetch(`${simulator.url}/__sandbox/messages`)).text();
    expect(JSON.parse(shown).items[0].media).toMatchObject([
      { contentType: 'image/jpeg', bytes: PICTURE.length, fileName: 'p.jpg' },
    ]);
    expect((await control('/texts', { from: WHATSAPP.from, media: [medium, medium] })).status).toBe(400);
    expect((await control('/texts', { from: CUSTOMER, button: { text: 'a', payload: 'b' } })).status).toBe(
      400,
    );
    expect((await control('/texts', { from: CUSTOMER, media: [{ base64: '' }] })).status).toBe(400);
  });
});
