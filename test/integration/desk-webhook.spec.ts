import { Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Acceptor, WebhookObserver, type CreateReference } from '#core';
import { ChatGatewayWebhooksModule } from '#desk-chat-gateway';
import { Configuration, ProviderHttp } from '#platform';
import { referenceProperty } from '../../libs/desk-chat-gateway/src/reference.js';
import { CUSTOMER, KeyServer, makeKey, signedHeaders, TENANT } from '../fixtures/chat-gateway/signer.js';
import { Story, WAYS, type WireEvent } from '../fixtures/chat-gateway/story.js';
import { inTurn, newDeskId, startTestDatabase, textsOf, type TestDatabase } from '../support/accepting.js';
import { PHASES, phaseAfter, type Phase, type Sign } from '../support/conversation-transitions.js';
import { startDelivery, unboundThread, type Delivery } from '../support/delivering.js';

const key = makeKey('EXaiWfZe20eSjklZ70074w');
const keyServer = new KeyServer();
const http = new ProviderHttp();
let db: TestDatabase;
let delivery: Delivery;
let gateways: NestFastifyApplication[];
const outcomes: string[] = [];

beforeAll(async () => {
  db = await startTestDatabase();
  delivery = startDelivery(db);
  keyServer.keys.set(key.kid, key.jwk);
  const baseUrl = await keyServer.listen();
  gateways = [await gatewayOver(baseUrl, db.gateway), await gatewayOver(baseUrl, db.acceptor())];
});
afterAll(async () => {
  for (const gateway of gateways) await gateway.close();
  http.destroy();
  await keyServer.close();
  await db.stop();
});

async function gatewayOver(baseUrl: string, acceptor: Acceptor): Promise<NestFastifyApplication> {
  const configuration: Partial<Configuration> = {
    publicBaseUrl: 'https://causeway.example',
    chatGatewayBaseUrl: baseUrl,
    chatGatewayApiKey: 'key',
    chatGatewayTenantId: TENANT,
    chatGatewayCustomerId: CUSTOMER,
  };
  const observer = { ended: (_door: string, outcome: string) => void outcomes.push(outcome) };
  @Global()
  @Module({
    providers: [
      { provide: Configuration, useValue: configuration },
      { provide: ProviderHttp, useValue: http },
      { provide: Acceptor, useValue: acceptor },
      { provide: WebhookObserver, useValue: observer },
    ],
    exports: [Configuration, ProviderHttp, Acceptor, WebhookObserver],
  })
  class WorldModule {}
  @Module({ imports: [WorldModule, ChatGatewayWebhooksModule] })
  class TestModule {}
  const app = await NestFactory.create<NestFastifyApplication>(TestModule, new FastifyAdapter(), {
    logger: false,
    bodyParser: false,
  });
  const fastify = app.getHttpAdapter().getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  await app.init();
  await fastify.ready();
  return app;
}

/** One try of the desk to tell an event. */
interface Try {
  event: WireEvent;
  eventId: string;
  retry: number;
}

let tries = 0;

async function post({ event, eventId, retry }: Try): Promise<number> {
  const body = JSON.stringify(event);
  const { statusCode } = await inTurn(gateways, (tries += 1)).inject({
    method: 'POST',
    url: '/webhooks/chat-gateway',
    headers: { 'content-type': 'application/json', ...signedHeaders({ key, body, eventId, retry }) },
    payload: body,
  });
  return statusCode;
}

const triesOf = (events: WireEvent[], deskId: string): Try[] =>
  events.map((event, n) => ({ event, eventId: `${deskId}-${n}`, retry: 0 }));
const again = (one: Try): Try => ({ ...one, retry: one.retry + 1 });

const phaseWith = (phase: Phase, sign: Sign): Phase => phaseAfter(phase, sign) ?? phase;

/** How events reach us, and when the conversation becomes ours: all of them are answered 204. */
type Telling = (told: Try[], bind: { byAnswer(): Promise<unknown>; byEvent: Try }) => Promise<number[]>;

const TELLINGS: Readonly<Record<string, Telling>> = {
  'doubled and shuffled, all at once': async (told, bind) => {
    await bind.byAnswer();
    const shuffled = [...told, ...told.map(again)]
      .map((one) => ({ one, at: Math.random() }))
      .sort((a, b) => a.at - b.at);
    return Promise.all(shuffled.map(({ one }) => post(one)));
  },
  'backwards, before the answer to the create': async (told, bind) => {
    const statuses: number[] = [];
    for (const one of told.toReversed()) statuses.push(await post(one));
    await bind.byAnswer();
    for (const one of told) statuses.push(await post(again(one)));
    return statuses;
  },
  'in order, the one with our value last': async (told, bind) => {
    const statuses: number[] = [];
    for (const one of [...told, bind.byEvent]) statuses.push(await post(one));
    await bind.byAnswer();
    return statuses;
  },
  'in order, while the create is being answered': async (told, bind) => {
    const [statuses] = await Promise.all([
      (async () => {
        const answered: number[] = [];
        for (const one of told) answered.push(await post(one));
        return answered;
      })(),
      bind.byAnswer(),
      post(bind.byEvent),
    ]);
    return statuses;
  },
};

function updateOf(create: CreateReference, conversationId: string): WireEvent {
  const user = { additionalProperties: [{ ...referenceProperty(create), id: '1' }] };
  return { eventType: 'CONVERSATION_UPDATE', conversationId, timestamp: 1_713_100_000_001, data: { user } };
}

describe.each(Object.entries(TELLINGS))('events told %s', (_name, tell) => {
  const stories = (Object.keys(PHASES) as Phase[]).flatMap((phase) =>
    WAYS[phase].map((way) => [phase, way.join(', ') || 'nothing', way] as const),
  );

  const botStories: [Phase, Sign[]][] = [
    ...Object.values(WAYS).flat(),
    ...WAYS.transferred.map((way): Sign[] => [...way, 'bot assigned']),
  ]
    .filter((way) => way.includes('bot assigned'))
    .map((way) => [way.filter((sign) => sign !== 'bot assigned').reduce(phaseWith, 'opening'), way]);

  it.each([
    ...stories.map(([phase, told, way]) => [phase, told, way, {}] as const),
    ...botStories.map(
      ([phase, way]) => [phase, `${way.join(', ')}, without a survey`, way, undefined] as const,
    ),
  ])('come to the phase %s: %s', async (phase, _told, way, survey) => {
    const thread = await unboundThread(db, delivery, survey);
    const deskId = newDeskId();
    const story = new Story(deskId);
    for (const [n, sign] of way.entries()) story.tell(sign, n);
    // What agents write reaches the customer in any phase; types that nobody knows are stored.
    story.tell('agent wrote', 0).tell('agent wrote', 1).tell('activity').tell('unknown');
    const after = phaseAfter(phase, 'agent wrote') as Phase;

    const statuses = await tell(triesOf(story.told, deskId), {
      byAnswer: () => delivery.store.bind('default', deskId, thread.create),
      byEvent: { event: updateOf(thread.create, deskId), eventId: `${deskId}-bind`, retry: 0 },
    });
    expect(new Set(statuses)).toEqual(new Set([204]));
    const [conversation] = await thread.conversations();
    expect({ state: conversation?.state, grace: conversation?.close_due_at !== null }).toEqual({
      state: PHASES[after].state,
      grace: after === 'leaving',
    });
    expect(await textsOf(db.pool, thread.address, 'outbound')).toEqual(['hi', 'hi']);
    const { rows } = await db.pool.query<{ n: number }>(
      `select count(*)::int as n from desk_events where desk_conversation_id = $1 and event_id <> $1 || '-bind'`,
      [deskId],
    );
    expect(rows).toEqual([{ n: story.told.length }]);
  });
});

it('types that nobody knows are counted', () => {
  expect(outcomes.filter((outcome) => outcome === 'unknown-type').length).toBeGreaterThan(50);
});
