import { readFileSync } from 'node:fs';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Acceptor, CannotStoreError, WebhookObserver } from '#core';
import type { AcceptResult, NeutralEvent } from '#core';
import { Configuration, ProviderHttp } from '#platform';
import {
  CUSTOMER,
  KeyServer,
  makeKey,
  signedHeaders,
  TENANT,
} from '../../../test/fixtures/chat-gateway/signer.js';
import { ChatGatewayWebhooksModule } from './chat-gateway.module.js';

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../../test/fixtures/chat-gateway/${name}.json`, import.meta.url));

let accepted: NeutralEvent[] = [];
let result: AcceptResult | Error = 'accepted';
class MemoryAcceptor extends Acceptor {
  override async accept(events: NeutralEvent[]): Promise<AcceptResult[]> {
    if (result instanceof Error) throw result;
    const answer = result;
    accepted.push(...events);
    return events.map(() => answer);
  }
}

let outcomes: string[] = [];
class MemoryObserver extends WebhookObserver {
  override ended(door: string, outcome: string): void {
    outcomes.push(`${door} ${outcome}`);
  }
}

const key = makeKey('EXaiWfZe20eSjklZ70074w');
const keyServer = new KeyServer();
const http = new ProviderHttp();
let app: NestFastifyApplication;

beforeAll(async () => {
  keyServer.keys.set(key.kid, key.jwk);
  const configuration: Partial<Configuration> = {
    publicBaseUrl: 'https://causeway.example/',
    chatGatewayBaseUrl: await keyServer.listen(),
    chatGatewayApiKey: 'key',
    chatGatewayTenantId: TENANT,
    chatGatewayCustomerId: CUSTOMER,
  };
  @Global()
  @Module({
    providers: [
      { provide: Configuration, useValue: configuration },
      { provide: ProviderHttp, useValue: http },
      { provide: Acceptor, useValue: new MemoryAcceptor() },
      { provide: WebhookObserver, useValue: new MemoryObserver() },
    ],
    exports: [Configuration, ProviderHttp, Acceptor, WebhookObserver],
  })
  class WorldModule {}
  @Module({ imports: [WorldModule, ChatGatewayWebhooksModule] })
  class TestModule {}

  const adapter = new FastifyAdapter({ bodyLimit: 4 * 1024 * 1024 });
  app = await NestFactory.create<NestFastifyApplication>(TestModule, adapter, {
    logger: false,
    bodyParser: false,
  });
  // As the gateway does: webhooks get their bytes as they came.
  const fastify = app.getHttpAdapter().getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  await app.init();
  await fastify.ready();
});

beforeEach(() => {
  accepted = [];
  outcomes = [];
  result = 'accepted';
});

afterEach(() => {
  keyServer.answer = undefined;
});

afterAll(async () => {
  await app.close();
  http.destroy();
  await keyServer.close();
});

async function post(body: Buffer, headers: Record<string, string> = {}): Promise<number> {
  const response = await app.inject({
    method: 'POST',
    url: '/webhooks/chat-gateway',
    headers: { 'content-type': 'application/json', ...headers },
    payload: body,
  });
  // Nothing in an answer tells why.
  expect(response.body).toBe('');
  return response.statusCode;
}

const signed = (body: Buffer, eventId = 'ev-1') => post(body, signedHeaders({ key, body, eventId }));

describe('POST /webhooks/chat-gateway', () => {
  it('takes a signed event, as it came', async () => {
    const body = fixture('message');
    expect(await signed(body)).toBe(204);
    expect(accepted).toMatchObject([
      {
        kind: 'desk-event',
        tenantId: 'default',
        eventId: 'ev-1',
        deskConversationId: 'ID-0',
        raw: body.toString(),
      },
    ]);
    expect(outcomes).toEqual(['chat-gateway accepted']);
  });

  it('answers a repeated and a conflicting event alike', async () => {
    for (const known of ['duplicate', 'conflict'] as const) {
      result = known;
      expect(await signed(fixture('queued'))).toBe(204);
    }
    expect(outcomes).toEqual(['chat-gateway duplicate', 'chat-gateway conflict']);
  });

  it('answers the verification of the address unsigned, and stores nothing', async () => {
    expect(await post(fixture('web-hook-verify'))).toBe(204);
    expect(await signed(fixture('web-hook-verify'))).toBe(204);
    expect([accepted, outcomes]).toEqual([[], ['chat-gateway ignored', 'chat-gateway ignored']]);
  });

  it('takes, stores and counts types nobody knows', async () => {
    expect(await signed(Buffer.from('{"eventType":"NEW","conversationId":"c"}'))).toBe(204);
    expect(accepted).toHaveLength(1);
    expect(outcomes).toEqual(['chat-gateway-events unknown-type', 'chat-gateway accepted']);
    expect(await signed(Buffer.from('{"eventType":"MESSAGE"}'))).toBe(204);
    expect(accepted).toHaveLength(1);
  });

  it('401 without a signature, or with a wrong one', async () => {
    expect(await post(fixture('message'))).toBe(401);
    expect(await post(fixture('message'), signedHeaders({ key, body: fixture('queued') }))).toBe(401);
    expect(await post(Buffer.alloc(0))).toBe(401);
    expect(accepted).toEqual([]);
  });

  it('400 for what is malformed or can never be stored', async () => {
    expect(await signed(Buffer.from('{"eventType":'))).toBe(400);
    result = 'invalid';
    expect(await signed(fixture('message'))).toBe(400);
  });

  it('413 for what is too large, before anything else', async () => {
    expect(await signed(Buffer.alloc(1024 * 1024 + 1, 32))).toBe(413);
    expect(await post(Buffer.alloc(1024 * 1024 + 1))).toBe(413);
  });

  it('503 when it cannot be stored, and when its key cannot be had', async () => {
    result = new CannotStoreError();
    expect(await signed(fixture('message'))).toBe(503);
    result = 'accepted';
    keyServer.answer = (response) => response.writeHead(500).end();
    const body = fixture('message');
    expect(await post(body, signedHeaders({ key: { ...key, kid: 'another' }, body }))).toBe(503);
    expect(outcomes).toEqual(['chat-gateway cannot-store', 'chat-gateway key-unavailable']);
    expect(accepted).toEqual([]);
  });
});
