import { createHash } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTwilioSimulator, type TwilioSimulator } from '../../apps/sandbox/src/index.js';
import { startWebhookReceiver } from '../contracts/webhook-receiver.js';
import { contractsAvailable, ExchangeAudit } from '../support/contracts.js';

const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const BELOW = 'AC000000000000000000000000000000be';
const TOKEN = 'the-auth-token';
const OURS = '+15550100';
const THEIRS = '+15550101';
const CUSTOMER = '+15550123';
const SERVICE = 'MG0123456789abcdef0123456789abcdef';
const WHATSAPP = { from: `whatsapp:${OURS}`, to: `whatsapp:${CUSTOMER}` };
const MB = 1024 * 1024;
const PNG = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
  .png()
  .toBuffer();
const JPEG = await sharp(PNG).jpeg().toBuffer();
const WEBP = await sharp(PNG).webp().toBuffer();

type Receiver = Awaited<ReturnType<typeof startWebhookReceiver>>;

describe('what the Twilio simulator does with our messages', () => {
  const audit = contractsAvailable() ? new ExchangeAudit() : undefined;
  let receiver: Receiver;
  let simulator: TwilioSimulator;
  let client: ReturnType<typeof twilio>;
  let files: Server;
  /** What the media server answers. */
  let serve: RequestListener;
  let asked: string[];

  beforeEach(async () => {
    receiver = await startWebhookReceiver();
    asked = [];
    files = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      serve(request, response);
    });
    await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
    simulator = await startTwilioSimulator({
      accountSid: ACCOUNT,
      authTokens: [TOKEN],
      apiKeySid: 'SK0123456789abcdef0123456789abcdef',
      apiKeySecret: 'key-secret',
      numbers: [OURS, `whatsapp:${OURS}`],
      subAccounts: [{ accountSid: BELOW, authTokens: ['token-below'], numbers: [THEIRS] }],
      messagingServices: { [SERVICE]: [OURS, `whatsapp:${OURS}`] },
      webhookUrl: `${receiver.url}/webhooks/twilio/messages`,
      settings: { stepMs: 2 },
      onExchange: audit?.record,
    });
    client = clientOf(ACCOUNT, TOKEN);
  });

  afterEach(async () => {
    await simulator.close();
    await receiver.close();
    files.closeAllConnections();
    await new Promise((resolve) => files.close(resolve));
    const violations = audit?.violations() ?? [];
    audit?.exchanges.splice(0);
    expect(violations).toEqual([]);
  });

  function clientOf(account: string, token: string): ReturnType<typeof twilio> {
    const made = twilio(account, token);
    for (const domain of [made.api, made.content, made.messaging]) domain.baseUrl = simulator.url;
    return made;
  }

  function url(path: string): string {
    const { port } = files.address() as AddressInfo;
    return `http://127.0.0.1:${port}${path}`;
  }

  /** Sends, waits for the end, and says how it ended. */
  async function ended(
    message: Parameters<typeof client.messages.create>[0],
  ): Promise<{ sid: string; status: string; errorCode: number }> {
    const { sid } = await client.messages.create(message);
    expect(await simulator.activity.settle(5000)).toBe(true);
    return client.messages(sid).fetch();
  }

  async function control(path: string, body?: object): Promise<Response> {
    const request = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    return fetch(`${simulator.url}/__sandbox${path}`, request);
  }

  async function write(body: string, more: object = {}): Promise<void> {
    await simulator.receiveText({ from: WHATSAPP.to, to: WHATSAPP.from, body, ...more });
  }

  describe('media', () => {
    const file = (contentType: string, bytes: Buffer, headers = {}): RequestListener => {
      return (request, response) => {
        response.writeHead(200, { 'content-type': contentType, ...headers });
        response.end(request.method === 'HEAD' ? undefined : bytes);
      };
    };

    it('are asked for with HEAD, fetched over redirects, and kept', async () => {
      serve = (request, response) => {
        if (request.url === '/moved') response.writeHead(302, { location: '/there' }).end();
        else file('image/png', PNG, { 'content-disposition': 'inline; filename="a.png"' })(request, response);
      };
      const { sid, status } = await ended({
        from: OURS,
        to: CUSTOMER,
        mediaUrl: [url('/moved'), url('/it')],
      });
      expect(status).toBe('delivered');
      expect(asked).toEqual([
        'HEAD /moved',
        'HEAD /there',
        'GET /moved',
        'GET /there',
        'HEAD /it',
        'GET /it',
      ]);
      const { items } = JSON.parse(await (await control('/messages')).text());
      const sha256 = createHash('sha256').update(PNG).digest('hex');
      const medium = { contentType: 'image/png', bytes: PNG.length, sha256, fileName: 'a.png' };
      expect(items[0].media).toMatchObject([medium, medium]);
      const kept = await control(`/media/${items[0].media[0].sid}`);
      expect(Buffer.from(await kept.arrayBuffer())).toEqual(PNG);
      expect(await client.messages(sid).media.list()).toHaveLength(2);
    });

    it.each([
      { what: 'unreachable', to: 'sms', type: '', bytes: Buffer.alloc(0), code: 63019 },
      { what: 'empty', to: 'whatsapp', type: 'image/png', bytes: Buffer.alloc(0), code: 63019 },
      {
        what: 'too large for MMS',
        to: 'sms',
        type: 'image/png',
        bytes: Buffer.alloc(5 * MB + 1),
        code: 11751,
      },
      {
        what: 'too large for WhatsApp',
        to: 'whatsapp',
        type: 'video/mp4',
        bytes: Buffer.alloc(16 * MB + 1),
        code: 63034,
      },
      {
        what: 'too large a picture',
        to: 'whatsapp',
        type: 'image/png',
        bytes: Buffer.alloc(5 * MB + 1),
        code: 63034,
      },
      { what: 'no picture', to: 'whatsapp', type: 'image/png', bytes: Buffer.from('<html>'), code: 63021 },
      { what: 'another kind than it says', to: 'sms', type: 'application/pdf', bytes: PNG, code: 12300 },
      {
        what: 'a kind that WhatsApp does not know',
        to: 'whatsapp',
        type: 'image/gif',
        bytes: PNG,
        code: 63021,
      },
      {
        what: 'a kind that nobody knows',
        to: 'sms',
        type: 'application/x-msdownload',
        bytes: PNG,
        code: 12300,
      },
    ])('fail late when they are $what: $code', async ({ to, type, bytes, code }) => {
      await write('Hi');
      serve = type === '' ? (_request, response) => response.writeHead(404).end() : file(type, bytes);
      const message = to === 'sms' ? { from: OURS, to: CUSTOMER } : WHATSAPP;
      expect(await ended({ ...message, mediaUrl: [url('/x')] })).toMatchObject({
        status: 'failed',
        errorCode: code,
      });
    });

    it.each([
      { what: 'text', to: 'sms', type: 'text/vcard; charset=utf-8', bytes: Buffer.from('BEGIN:VCARD') },
      {
        what: 'a type with two names',
        to: 'sms',
        type: 'image/jpg',
        bytes: JPEG,
      },
      { what: 'a sticker', to: 'whatsapp', type: 'image/webp', bytes: WEBP },
    ])('arrive when they are $what', async ({ to, type, bytes }) => {
      await write('Hi');
      serve = file(type, bytes);
      const message = to === 'sms' ? { from: OURS, to: CUSTOMER } : WHATSAPP;
      expect(await ended({ ...message, mediaUrl: [url('/x')] })).toMatchObject({ status: 'delivered' });
    });

    it('are one on WhatsApp, whatever else is named', async () => {
      await write('Hi');
      serve = file('image/png', PNG);
      const created = await client.messages.create({ ...WHATSAPP, mediaUrl: [url('/1'), url('/2')] });
      expect(created.numMedia).toBe('1');
      await simulator.activity.settle(5000);
      expect(asked).toEqual(['HEAD /1', 'GET /1']);
    });

    it('are given up after two redirects', async () => {
      serve = (request, response) => response.writeHead(302, { location: `${request.url}x` }).end();
      expect(await ended({ from: OURS, to: CUSTOMER, mediaUrl: [url('/x')] })).toMatchObject({
        errorCode: 63019,
      });
      expect(asked).toEqual(['HEAD /x', 'HEAD /xx', 'HEAD /xxx']);
    });
  });

  describe('content', () => {
    const quickReply = {
      friendly_name: 'confirm',
      language: 'en',
      variables: { 1: 'Ann' },
      types: {
        'twilio/quick-reply': {
          body: 'Hi {{1}}, {{2}}?',
          actions: [
            { type: 'QUICK_REPLY', title: 'Yes', id: 'yes' },
            { type: 'QUICK_REPLY', title: 'No', id: 'no' },
          ],
        },
        'twilio/text': { body: 'Hi {{1}}, {{2}}? (1) Yes (2) No' },
      },
    };

    it('is made, read, listed, approved and deleted as the package asks', async () => {
      const made = await client.content.v1.contents.create(quickReply as never);
      expect(made).toMatchObject({ friendlyName: 'confirm', language: 'en', accountSid: ACCOUNT });
      expect(made.sid).toMatch(/^HX[0-9a-f]{32}$/);
      expect(made.types).toEqual(quickReply.types);
      await client.content.v1.contents.create(quickReply as never);
      expect(await client.content.v1.contents.list({ pageSize: 1 })).toHaveLength(2);
      const context = client.content.v1.contents(made.sid);
      await context.approvalCreate.create({ name: 'confirm', category: 'UTILITY' } as never);
      expect((await context.approvalFetch().fetch()).whatsapp).toMatchObject({
        status: 'received',
        name: 'confirm',
      });
      expect((await control(`/contents/${made.sid}/approval`, { status: 'approved' })).status).toBe(204);
      expect((await context.approvalFetch().fetch()).whatsapp).toMatchObject({ status: 'approved' });
      expect(await context.remove()).toBe(true);
      await expect(context.fetch()).rejects.toMatchObject({ status: 404, code: 20404 });
    });

    it.each([
      { what: 'no language', change: { language: undefined } },
      { what: 'no types', change: { types: {} } },
      { what: 'an unknown type', change: { types: { 'twilio/what': { body: 'x' } } } },
      {
        what: 'four buttons',
        change: { types: { 'twilio/quick-reply': { body: 'x', actions: buttons(4) } } },
      },
      {
        what: 'the same button twice',
        change: { types: { 'twilio/quick-reply': { body: 'x', actions: [...buttons(1), ...buttons(1)] } } },
      },
      {
        what: 'a long button',
        change: { types: { 'twilio/quick-reply': { body: 'x', actions: [{ title: 'x'.repeat(21) }] } } },
      },
      {
        what: 'eleven items',
        change: { types: { 'twilio/list-picker': { body: 'x', button: 'y', items: items(11) } } },
      },
      {
        what: 'a list that nothing opens',
        change: { types: { 'twilio/list-picker': { body: 'x', items: items(2) } } },
      },
    ])('is refused with $what', async ({ change }) => {
      const create = client.content.v1.contents.create({ ...quickReply, ...change } as never);
      await expect(create).rejects.toMatchObject({ status: 400 });
    });

    it('is sent: with variables in place, buttons on WhatsApp, text elsewhere', async () => {
      const { sid } = await client.content.v1.contents.create(quickReply as never);
      await write('Hello');
      const contentVariables = '{"1":"Bo","2":"\\"ok\\""}';
      const sent = await client.messages.create({ ...WHATSAPP, contentSid: sid, contentVariables });
      expect(sent.body).toBe('Hi Bo, "ok"?');
      const content = {
        sid,
        type: 'twilio/quick-reply',
        body: 'Hi Bo, "ok"?',
        buttons: [{ title: 'Yes', id: 'yes' }, { title: 'No' }],
      };
      expect(simulator.log.at(-1)).toMatchObject({
        kind: 'message',
        contentSid: sid,
        body: 'Hi Bo, "ok"?',
        content,
      });
      const { items: shown } = JSON.parse(await (await control('/messages?direction=outbound-api')).text());
      expect(shown[0].content).toMatchObject(content);
      const sms = await client.messages.create({
        from: OURS,
        to: CUSTOMER,
        contentSid: sid,
        contentVariables,
      });
      expect(sms.body).toBe('Hi Bo, "ok"? (1) Yes (2) No');
    });

    it('is refused when it is unknown, and fails when a variable is missing', async () => {
      const { sid } = await client.content.v1.contents.create(quickReply as never);
      await write('Hello');
      const send = async (fields: object): Promise<unknown> =>
        client.messages.create({ ...WHATSAPP, ...fields });
      await expect(send({ contentSid: `HX${'0'.repeat(32)}` })).rejects.toMatchObject({ code: 21655 });
      await expect(send({ contentSid: sid, contentVariables: '[1]' })).rejects.toMatchObject({ code: 21656 });
      await expect(send({ body: 'x', contentVariables: '{}' })).rejects.toMatchObject({ code: 21654 });
      expect(await ended({ ...WHATSAPP, contentSid: sid })).toMatchObject({
        status: 'undelivered',
        errorCode: 63028,
      });
    });

    it('stands alone on WhatsApp', async () => {
      const { sid } = await client.content.v1.contents.create(quickReply as never);
      await write('Hello');
      const message = { ...WHATSAPP, contentSid: sid, contentVariables: '{"2":"x"}' };
      expect(await ended({ ...message, body: 'and' })).toMatchObject({
        status: 'undelivered',
        errorCode: 63030,
      });
      expect(await ended(message)).toMatchObject({ status: 'delivered', errorCode: null });
    });

    it('passes outside the window when it is approved, and only then', async () => {
      const { sid } = await client.content.v1.contents.create(quickReply as never);
      const message = { ...WHATSAPP, contentSid: sid, contentVariables: '{"2":"x"}' };
      const codes: unknown[] = [];
      for (const status of ['pending', 'rejected', 'paused', 'disabled', 'approved']) {
        await control(`/contents/${sid}/approval`, { status });
        codes.push((await ended(message)).errorCode);
      }
      expect(codes).toEqual([63016, 63040, 63041, 63042, null]);
    });
  });

  describe("WhatsApp's window", () => {
    it('is opened by the customer, under the number and the business-scoped id', async () => {
      const message = { ...WHATSAPP, body: 'x' };
      expect(await ended(message)).toMatchObject({ status: 'undelivered', errorCode: 63016 });
      await write('Hi');
      expect(await ended(message)).toMatchObject({ status: 'delivered' });
      expect(await ended({ ...message, to: 'whatsapp:US.15550123' })).toMatchObject({ status: 'delivered' });
      expect(await ended({ to: message.to, body: 'x', messagingServiceSid: SERVICE })).toMatchObject({
        status: 'delivered',
      });
      simulator.settings.windowMs = 0;
      expect(await ended(message)).toMatchObject({ errorCode: 63016 });
    });

    it('is closed and opened by tests, and refuses at once when told', async () => {
      await write('Hi');
      simulator.settings.windowClosed = 'sync';
      const window = { from: WHATSAPP.from, to: WHATSAPP.to };
      await control('/windows', { ...window, open: false });
      await expect(client.messages.create({ ...WHATSAPP, body: 'x' })).rejects.toMatchObject({ code: 63016 });
      await control('/windows', { ...window, open: true });
      await client.messages.create({ ...WHATSAPP, body: 'x' });
      await control('/windows', { ...window, open: false });
      await write('again');
      await client.messages.create({ ...WHATSAPP, body: 'x' });
    });
  });

  describe('opting out', () => {
    const text = async (body: string, more = {}): Promise<Record<string, string>> => {
      await simulator.receiveText({ from: CUSTOMER, to: OURS, body, ...more });
      return Object.fromEntries(new URLSearchParams(receiver.received.at(-1)?.body));
    };
    const replies = (): unknown[] =>
      simulator.log
        .filter(({ kind }) => kind === 'opt-out-reply')
        .map((entry) => 'optOutType' in entry && entry.optOutType);

    it('is answered by Twilio, once, and forwarded', async () => {
      expect(await text('Yes')).not.toHaveProperty('OptOutType');
      await text('help');
      expect(await text('stop')).toMatchObject({ Body: 'stop' });
      await text('stopall');
      await text('info');
      await text('unstop');
      expect(replies()).toEqual(['HELP', 'STOP', 'START']);
    });

    it('is of a service when the text came through it', async () => {
      await text('STOP', { messagingServiceSid: SERVICE });
      const body = { to: CUSTOMER, body: 'x' };
      await expect(client.messages.create({ ...body, messagingServiceSid: SERVICE })).rejects.toMatchObject({
        code: 21610,
      });
      await expect(client.messages.create({ ...body, from: OURS })).rejects.toMatchObject({ code: 21610 });
      await text('START', { messagingServiceSid: SERVICE });
      await client.messages.create({ ...body, messagingServiceSid: SERVICE });
    });

    it('fails late, with the other code, and says its type, when told', async () => {
      Object.assign(simulator.settings, { advancedOptOut: true, optOutErrors: 'late', optOutCode: 30630 });
      expect(await text('STOP')).toMatchObject({ OptOutType: 'STOP' });
      expect(await ended({ from: OURS, to: CUSTOMER, body: 'x' })).toMatchObject({
        status: 'undelivered',
        errorCode: 30630,
      });
      expect(await text('START')).toMatchObject({ OptOutType: 'START' });
      expect(await ended({ from: OURS, to: CUSTOMER, body: 'x' })).toMatchObject({ status: 'delivered' });
    });

    it('is no matter of WhatsApp without Advanced Opt-Out', async () => {
      await write('STOP');
      expect(await ended({ ...WHATSAPP, body: 'x' })).toMatchObject({ status: 'delivered' });
      simulator.settings.advancedOptOut = true;
      await write('STOP');
      await expect(client.messages.create({ ...WHATSAPP, body: 'x' })).rejects.toMatchObject({ code: 21610 });
    });
  });

  it('forgets everything at a reset', async () => {
    await client.content.v1.contents.create({
      language: 'en',
      types: { 'twilio/text': { body: 'x' } },
    } as never);
    const medium = { contentType: 'image/png', bytes: PNG };
    const { sid, media = [] } = await simulator.receiveText({
      from: WHATSAPP.to,
      to: WHATSAPP.from,
      body: 'STOP',
      media: [medium],
    });
    await simulator.receiveText({ from: CUSTOMER, to: OURS, body: 'STOP' });
    simulator.settings.windowClosed = 'sync';
    await control('/reset', {});
    expect((await control(`/media/${media[0]}`)).status).toBe(404);
    await expect(client.messages(sid).fetch()).rejects.toMatchObject({ code: 20404 });
    expect(await client.content.v1.contents.list()).toEqual([]);
    await client.messages.create({ from: OURS, to: CUSTOMER, body: 'x' });
    expect(await ended({ ...WHATSAPP, body: 'x' })).toMatchObject({ errorCode: 63016 });
  });

  it('refuses more creates at the same time than it does, and does those', async () => {
    Object.assign(simulator.settings, { maxConcurrentCreates: 2, createMs: 50 });
    const message = { from: OURS, to: CUSTOMER, body: 'x' };
    const sent = await Promise.allSettled(
      Array.from({ length: 5 }, async () => client.messages.create(message)),
    );
    const refused = sent.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(refused).toMatchObject(Array(3).fill({ status: 429, code: 20429 }));
    expect(simulator.log).toHaveLength(2);
    await client.messages.create(message);
  });

  it('keeps sub-accounts apart, and signs with their own tokens', async () => {
    const below = clientOf(BELOW, 'token-below');
    const statusCallback = `${receiver.url}/webhooks/twilio/status`;
    await below.messages.create({ from: THEIRS, to: CUSTOMER, body: 'x', statusCallback });
    await simulator.receiveText({ from: CUSTOMER, to: THEIRS, body: 'Hi' });
    await simulator.activity.settle(5000);
    expect(receiver.received.length).toBeGreaterThan(3);
    for (const { url: path, headers, body } of receiver.received) {
      const params = Object.fromEntries(new URLSearchParams(body));
      const signature = String(headers['x-twilio-signature']);
      expect(params['AccountSid']).toBe(BELOW);
      expect(twilio.validateRequest('token-below', signature, `${receiver.url}${path}`, params)).toBe(true);
      expect(twilio.validateRequest(TOKEN, signature, `${receiver.url}${path}`, params)).toBe(false);
    }
    expect(await below.messages.list()).toHaveLength(2);
    expect(await client.messages.list()).toEqual([]);
    await expect(below.messages.create({ from: OURS, to: CUSTOMER, body: 'x' })).rejects.toMatchObject({
      code: 21606,
    });
    await expect(client.messages.create({ from: THEIRS, to: CUSTOMER, body: 'x' })).rejects.toMatchObject({
      code: 21606,
    });
    const list = `${simulator.url}/2010-04-01/Accounts/${BELOW}/Messages.json`;
    const as = async (user: string, secret: string): Promise<number> => {
      const authorization = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
      return (await fetch(list, { headers: { authorization } })).status;
    };
    expect(await as(ACCOUNT, TOKEN)).toBe(200);
    expect(await as('SK0123456789abcdef0123456789abcdef', 'key-secret')).toBe(404);
    expect(await as(BELOW, TOKEN)).toBe(401);
  });
});

function buttons(count: number): object[] {
  return Array.from({ length: count }, (_, n) => ({ type: 'QUICK_REPLY', title: `Button ${n}`, id: `${n}` }));
}

function items(count: number): object[] {
  return Array.from({ length: count }, (_, n) => ({ item: `Item ${n}`, id: `${n}`, description: '' }));
}
