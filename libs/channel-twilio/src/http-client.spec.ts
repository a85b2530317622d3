import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ProviderHttp } from '#platform';
import { createTwilioRest, type TwilioRest } from './http-client.js';

interface Seen {
  at: string;
  request: string;
  type: IncomingMessage['headers']['content-type'];
  body: string;
}

const http = new ProviderHttp();
const servers: Server[] = [];
let seen: Seen[] = [];
let answer: object = {};
let urls: { api: string; messaging: string; content: string };
let rest: TwilioRest;

async function listen(at: string): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      seen.push({
        at,
        request: `${request.method} ${request.url}`,
        type: request.headers['content-type'],
        body,
      });
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  urls = { api: await listen('api'), messaging: await listen('messaging'), content: await listen('content') };
  rest = createTwilioRest(http, {
    accountSid: 'AC1',
    username: 'AC1',
    password: 'secret',
    apiBaseUrl: `${urls.api}/proxied/`,
    messagingBaseUrl: urls.messaging,
    contentBaseUrl: `${urls.content}/cards`,
  });
});

afterEach(() => {
  seen = [];
  answer = {};
});

afterAll(async () => {
  http.destroy();
  for (const server of servers) server.closeAllConnections();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
});

const run = <T>(call: () => Promise<T>): Promise<T> => rest.run({ context: { timeoutMs: 5_000 } }, call);

describe(createTwilioRest.name, () => {
  it("sends what is for each of Twilio's hosts to its own configured place", async () => {
    await run(() => rest.client.incomingPhoneNumbers('PN1').fetch());
    await run(() => rest.client.messaging.v1.services('MG1').fetch());
    await run(() => rest.client.content.v1.contents('HX1').fetch());
    expect(seen.map(({ at, request }) => `${at} ${request}`)).toEqual([
      'api GET /proxied/2010-04-01/Accounts/AC1/IncomingPhoneNumbers/PN1.json',
      'messaging GET /v1/Services/MG1',
      'content GET /cards/v1/Content/HX1',
    ]);
  });

  it('writes forms and JSON as each API wants them', async () => {
    await run(() => rest.client.messaging.v1.services('MG1').update({ fallbackUrl: 'https://f' }));
    await run(() => rest.client.content.v1.contents.create({ language: 'en', types: {} } as never));
    expect(seen).toEqual([
      {
        at: 'messaging',
        request: 'POST /v1/Services/MG1',
        type: 'application/x-www-form-urlencoded',
        body: 'FallbackUrl=https%3A%2F%2Ff',
      },
      {
        at: 'content',
        request: 'POST /cards/v1/Content',
        type: 'application/json',
        body: '{"language":"en","types":{}}',
      },
    ]);
  });

  it.each([
    ["Twilio's own", 'https://messaging.twilio.com/v1/Services?Page=1'],
    ['the one that answers in its place', '/v1/Services?Page=1'],
  ])('reads the next page at the configured place where its URL is %s', async (_name, next) => {
    answer = { meta: { next_page_url: new URL(next, urls.messaging).href }, services: [] };
    const page = await run(() => rest.client.messaging.v1.services.page());
    await run(() => rest.client.messaging.v1.services.getPage(page.nextPageUrl ?? ''));
    expect(seen[1]).toMatchObject({ at: 'messaging', request: 'GET /v1/Services?Page=1' });
  });

  it('takes credentials to no host that the configuration does not name', async () => {
    const other = await listen('other');
    await expect(
      run(() => rest.client.messaging.v1.services.getPage(`${other}/v1/Services`)),
    ).rejects.toThrow('another host');
    expect(seen).toEqual([]);
  });
});
