import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DeliveryError } from '#core';
import type { ListedInbound } from '#core';
import { ProviderHttp } from '#platform';
import { parseForm } from './form.js';
import { parseMessage, parseStatus } from './parser.js';
import { fetchedReceipt, listedInbound } from './received.js';
import { TwilioChannel } from './sender.js';

const ACCOUNT = 'ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
const API = `/2010-04-01/Accounts/${ACCOUNT}/Messages`;
const sid = (n: number) => `SM${String(n).padStart(32, '0')}`;

/** In the shape of Twilio's documentation. */
const resource = (changes: Record<string, unknown> = {}) => ({
  body: 'hello',
  num_segments: '1',
  direction: 'inbound',
  from: '+15550123',
  to: '+15550100',
  date_updated: 'Thu, 24 Aug 2023 05:01:45 +0000',
  price: null,
  error_message: null,
  uri: `${API}/${sid(1)}.json`,
  account_sid: ACCOUNT,
  num_media: '0',
  status: 'received',
  messaging_service_sid: null,
  sid: sid(1),
  date_sent: 'Thu, 24 Aug 2023 05:01:45 +0000',
  date_created: 'Thu, 24 Aug 2023 05:01:45 +0000',
  error_code: null,
  price_unit: null,
  api_version: '2010-04-01',
  subresource_uris: { media: `${API}/${sid(1)}/Media.json` },
  ...changes,
});

let server: Server;
let baseUrl: string;
let seen: string[] = [];
let answer: RequestListener;
const http = new ProviderHttp();

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  seen = [];
});
afterAll(async () => {
  http.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const reply =
  (status: number, body: unknown): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

const channel = () =>
  new TwilioChannel(http, {
    accountSid: ACCOUNT,
    username: ACCOUNT,
    password: 'token',
    apiBaseUrl: baseUrl,
    publicBaseUrl: 'https://causeway.example',
  });

const CONTEXT = { timeoutMs: 5_000 };
const list = (number = {}) =>
  channel().listReceived(
    {
      tenantId: 'default',
      number: { address: '+15550100', account: ACCOUNT, ...number },
      since: new Date('2026-01-01T00:00:00.900Z'),
      until: new Date('2026-01-01T12:34:56.100Z'),
    },
    CONTEXT,
  );

async function failure(call: Promise<unknown>): Promise<DeliveryError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DeliveryError);
  return error as DeliveryError;
}

describe(listedInbound.name, () => {
  it('makes of a resource what its webhook would have made, but for what only the webhook knows', () => {
    const webhook = parseMessage(
      'default',
      parseForm(
        Buffer.from(
          new URLSearchParams({
            AccountSid: ACCOUNT,
            MessageSid: sid(1),
            From: 'whatsapp:+15550123',
            To: 'whatsapp:+15550100',
            Body: ' é😀\r\n ',
            NumMedia: '0',
            MessagingServiceSid: `MG${'0'.repeat(32)}`,
          }).toString(),
        ),
      ),
    );
    const listed = listedInbound(
      'default',
      resource({
        from: 'whatsapp:+15550123',
        to: 'whatsapp:+15550100',
        body: ' é😀\r\n ',
        messaging_service_sid: `MG${'0'.repeat(32)}`,
      }),
    );
    expect(listed).toEqual({
      attachments: 0,
      event: { ...webhook, raw: listed?.event.raw, writtenAt: new Date('2023-08-24T05:01:45Z') },
    });
    expect(listed?.event.raw).toMatchObject({ sid: sid(1), date_created: 'Thu, 24 Aug 2023 05:01:45 +0000' });
    expect(listed?.event.raw).not.toHaveProperty('price');
  });

  it.each([
    ['one of ours', { direction: 'outbound-api' }],
    ['one that is still coming in', { status: 'receiving' }],
    ['one without an id', { sid: null }],
    ['one of an unknown channel', { to: 'rcs:abc' }],
    ['one without a sender', { from: '' }],
  ])('leaves out %s', (_what, changes) => {
    expect(listedInbound('default', resource(changes))).toBeUndefined();
  });

  it('names attachments by their number until they are read', () => {
    expect(listedInbound('default', resource({ num_media: '2' }))).toMatchObject({
      attachments: 2,
      event: { content: { type: 'attachments', text: 'hello', attachments: [{}, {}] } },
    });
    expect(listedInbound('default', resource({ num_media: '2', body: '' }))?.event.content).toEqual({
      type: 'attachments',
      attachments: [{}, {}],
    });
  });
});

describe('listing what was received', () => {
  it('asks for one number and span, and answers the oldest first', async () => {
    answer = reply(200, {
      messages: [resource({ sid: sid(3) }), resource({ direction: 'outbound-api' }), resource()],
      next_page_uri: null,
    });
    const { messages, complete } = await list();
    expect(messages.map(({ event }) => event.providerMessageId)).toEqual([sid(1), sid(3)]);
    expect(complete).toBe(true);
    expect(decodeURIComponent(seen[0] ?? '')).toBe(
      `GET ${API}.json?To=+15550100&DateSent<=2026-01-01T12:34:56Z&DateSent>=2026-01-01T00:00:00Z&PageSize=200`,
    );
  });

  it('follows pages, to a limit', async () => {
    let pages = 0;
    answer = (request, response) => {
      pages += 1;
      const page = {
        messages: [resource({ sid: sid(100 - pages) })],
        next_page_uri: `${API}.json?Page=${pages}`,
      };
      reply(200, page)(request, response);
    };
    const { messages, complete } = await list();
    expect(complete).toBe(false);
    expect(messages.map(({ event }) => event.providerMessageId)).toEqual([95, 96, 97, 98, 99].map(sid));
    expect(seen[4]).toBe(`GET ${API}.json?Page=4`);
  });

  it('looks through the account for an address that is a service', async () => {
    const service = `MG${'1'.repeat(32)}`;
    answer = reply(200, {
      messages: [resource({ messaging_service_sid: service }), resource({ sid: sid(2) })],
      next_page_uri: null,
    });
    const { messages } = await list({ address: service });
    expect(messages.map(({ event }) => event.providerMessageId)).toEqual([sid(1)]);
    expect(seen[0]).not.toContain('To=');
  });

  it.each([
    [500, 'not-sent'],
    [429, 'not-sent'],
    [401, 'credentials'],
  ])('after %i says %s, for nothing is in doubt', async (status, kind) => {
    answer = reply(status, { code: 0, message: 'no', status });
    expect((await failure(list())).kind).toBe(kind);
  });

  it('after a connection that broke or an answer that is none, too', async () => {
    answer = (request) => void request.socket.destroy();
    expect((await failure(list())).kind).toBe('not-sent');
    answer = (_request, response) => void response.end('{"messages": [');
    expect((await failure(list())).kind).toBe('not-sent');
  });

  it('asks for no other account', async () => {
    expect(await failure(list({ account: 'ACother' }))).toMatchObject({
      kind: 'held',
      code: 'other-account',
    });
    expect(seen).toEqual([]);
  });
});

describe('reading a listed message', () => {
  const withMedia = (): ListedInbound => {
    const listed = listedInbound('default', resource({ num_media: '1' }));
    if (!listed) throw new Error('It was not listed.');
    return listed;
  };

  it('names its attachments as the webhook does', async () => {
    const uri = `${API}/${sid(1)}/Media/ME${'2'.repeat(32)}`;
    answer = reply(200, {
      media_list: [{ uri: `${uri}.json`, content_type: 'image/jpeg' }],
      next_page_uri: null,
    });
    expect((await channel().readListed(withMedia(), CONTEXT)).content).toEqual({
      type: 'attachments',
      text: 'hello',
      attachments: [{ url: `${baseUrl}${uri}`, contentType: 'image/jpeg' }],
    });
    expect(seen).toEqual([`GET ${API}/${sid(1)}/Media.json`]);
  });

  it('knows a contact by its type', async () => {
    answer = reply(200, {
      media_list: [{ uri: '/x.json', content_type: 'text/vcard' }],
      next_page_uri: null,
    });
    expect((await channel().readListed(withMedia(), CONTEXT)).content.type).toBe('contact');
  });

  it('keeps the note where the media are gone, and asks again where they cannot be read', async () => {
    const listed = withMedia();
    answer = reply(404, { code: 20404, message: 'gone', status: 404 });
    expect(await channel().readListed(listed, CONTEXT)).toEqual(listed.event);
    answer = reply(503, {});
    expect((await failure(channel().readListed(listed, CONTEXT))).kind).toBe('not-sent');
  });

  it('asks nothing where there is none', async () => {
    const listed = listedInbound('default', resource());
    if (listed) expect(await channel().readListed(listed, CONTEXT)).toBe(listed.event);
    expect(seen).toEqual([]);
  });
});

describe('fetching a receipt', () => {
  const fetchReceipt = () => channel().fetchReceipt({ account: ACCOUNT, providerId: sid(1) }, CONTEXT);

  it.each([
    ['delivered', null, undefined],
    ['sent', null, undefined],
    ['undelivered', 30003, 'once-more'],
    ['failed', 30005, 'failed'],
  ])('of a message that is %s', async (status, errorCode, late) => {
    answer = reply(200, resource({ direction: 'outbound-api', status, error_code: errorCode }));
    const fetched = await fetchReceipt();
    expect(seen).toEqual([`GET ${API}/${sid(1)}.json`]);
    expect(fetched).toMatchObject({ status, ...(late && { late, providerCode: String(errorCode) }) });
    // A callback that says the same is a duplicate of it.
    const form = {
      MessageSid: sid(1),
      MessageStatus: status,
      ...(errorCode && { ErrorCode: String(errorCode) }),
    };
    const [callback] = parseStatus('default', form, '/webhooks/twilio/status');
    expect(fetched?.dedupeKey).toBe(callback?.dedupeKey);
  });

  it('of one that was read has the key of its event', () => {
    const form = { MessageSid: sid(1), MessageStatus: 'read', EventType: 'READ' };
    const [callback] = parseStatus('default', form, '/webhooks/twilio/status');
    expect(fetchedReceipt(resource({ status: 'read' }))?.dedupeKey).toBe(callback?.dedupeKey);
  });

  it('says nothing about what Twilio does not know, or calls otherwise than we know', async () => {
    answer = reply(404, { code: 20404, message: 'gone', status: 404 });
    expect(await fetchReceipt()).toBeUndefined();
    answer = reply(200, resource({ status: 'teleported' }));
    expect(await fetchReceipt()).toBeUndefined();
  });
});
