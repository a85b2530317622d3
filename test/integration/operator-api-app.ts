import { Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import request from 'supertest';
import { botWords } from '#bot-webhook';
import { TwilioProvisioning, twilioWords } from '#channel-twilio';
import { Signals, WakeUps, type BotThinking, type PartContent, type WakeUp } from '#core';
import { ChatGatewayClient, ChatGatewayProvisioning, chatGatewayWords } from '#desk-chat-gateway';
import { createDataSource, PostgresLaneStore } from '#persistence';
import { createLogger, ProblemFilter, ProviderHttp, readConfiguration } from '#platform';
import { readBodies } from '../../apps/gateway/src/bodies.js';
import { mountOpenApi } from '../../apps/gateway/src/operator-api/open-api.js';
import { OperatorApiModule } from '../../apps/gateway/src/operator-api/operator-api.module.js';
import type { OperatorApiOptions } from '../../apps/gateway/src/operator-api/options.js';
import { startTestDatabase, type TestDatabase } from '../support/accepting.js';
import { testTenants } from '../support/tenants.js';

export const API_KEY = 'operator-key-0123456789';
export const ACCOUNT = 'AC1';

type Method = 'get' | 'post' | 'patch' | 'delete' | 'put';

/** The operator API as the gateway serves it, over a database of its own. */
export interface OperatorApi {
  db: TestDatabase;
  app: NestFastifyApplication;
  /** What the API woke. */
  woken: WakeUp[];
  /** What it was told of bots at work. */
  thought: BotThinking[];
  /** With the key. */
  call(method: Method, path: string): request.Test;
  plain: ReturnType<typeof request>;
  /** Carries the head of a lane to a provider that answers. */
  deliverHead(
    laneId: string,
    sent: { parts: PartContent[]; providerId: string; conversationId?: string },
  ): Promise<void>;
  /** Opens a conversation for the head of an inbound lane and binds the desk's to it. Answers its id. */
  openConversation(laneId: string, deskConversationId: string): Promise<string>;
  holdHead(laneId: string, reason: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startOperatorApi(
  databaseUrl?: string,
  options: Partial<OperatorApiOptions> = {},
): Promise<OperatorApi> {
  const db = await startTestDatabase();
  const woken: WakeUp[] = [];
  const thought: BotThinking[] = [];
  class RecordedWakeUps extends WakeUps {
    wake(wakeUps: WakeUp[]): void {
      woken.push(...wakeUps);
    }
  }
  const dataSource = createDataSource(databaseUrl ?? db.url, 'test-operator-api');

  class RecordedSignals extends Signals {
    typing(): void {}
    thinking(bot: BotThinking): void {
      thought.push(bot);
    }
  }
  @Global()
  @Module({
    providers: [
      { provide: WakeUps, useClass: RecordedWakeUps },
      { provide: Signals, useClass: RecordedSignals },
    ],
    exports: [WakeUps, Signals],
  })
  class Surroundings {}

  @Module({
    imports: [
      Surroundings,
      OperatorApiModule.forRoot({
        dataSource,
        apiKey: API_KEY,
        twilioAccountSid: ACCOUNT,
        tenants: testTenants(ACCOUNT),
        words: { inbound: chatGatewayWords, outbound: twilioWords, bot: botWords },
        desk: { updateConversation: () => Promise.reject(new Error('Nobody is there.')) },
        // Nobody is there.
        provisioning: new TwilioProvisioning(new ProviderHttp(), {
          accountSid: ACCOUNT,
          username: ACCOUNT,
          password: 'token',
          apiBaseUrl: 'http://127.0.0.1:9',
          publicBaseUrl: 'http://localhost:3000',
        }),
        deskProvisioning: () =>
          new ChatGatewayProvisioning(
            new ChatGatewayClient(new ProviderHttp(), {
              baseUrl: 'http://127.0.0.1:9',
              apiKey: 'key',
              tenantId: 'tenant',
            }),
            { publicBaseUrl: 'http://localhost:3000' },
          ),
        doctor: {
          publicBaseUrl: 'http://localhost:3000',
          twilioBaseUrl: 'http://127.0.0.1:9',
          http: new ProviderHttp(),
          accountsOf: () => ({}),
        },
        ...options,
      }),
    ],
  })
  class TestGateway {}

  const app = await NestFactory.create<NestFastifyApplication>(TestGateway, new FastifyAdapter(), {
    logger: false,
    bodyParser: false,
  });
  readBodies(app);
  const logger = createLogger('gateway', readConfiguration('launcher', {}), { write: () => undefined });
  app.useGlobalFilters(new ProblemFilter(logger));
  mountOpenApi(app);
  await app.listen(0, '127.0.0.1');

  const plain = request(app.getHttpServer());
  const store = new PostgresLaneStore({
    pool: db.pool,
    wakeUps: { wake: () => undefined },
    readyMs: 3_000,
    closeGraceMs: 5_000,
  });
  const LEASE_MS = 15_000;

  async function claimed(laneId: string) {
    const lane = await store.claim(laneId, LEASE_MS);
    const head = lane && (await store.head(lane));
    if (!lane || !head) throw new Error('The lane has no work.');
    return { lane, head };
  }

  return {
    db,
    app,
    woken,
    thought,
    plain,
    call: (method, path) =>
      plain[method](`/api/v1/${path}`)
        .set('authorization', `Bearer ${API_KEY}`)
        .ok(() => true),
    deliverHead: async (laneId, { parts, providerId, conversationId }) => {
      const { lane, head } = await claimed(laneId);
      const { messageId, seq } = head;
      await store.storeParts(lane.lease, messageId, parts);
      for (const [index] of parts.entries()) {
        const last = index === parts.length - 1;
        const id = crypto.randomUUID();
        await store.intent(lane.lease, LEASE_MS, {
          id,
          messageId,
          seq,
          partN: index + 1,
          ...(conversationId !== undefined && { conversationId }),
        });
        await store.settle(lane.lease, LEASE_MS, {
          messageId,
          seq,
          delivery: last ? 'submitted' : 'open',
          ends: last,
          attempt: { id, outcome: 'submitted', providerId: `${providerId}-${index + 1}`, httpStatus: 201 },
          lane: { failures: 0 },
        });
      }
      await store.release(lane.lease);
    },
    openConversation: async (laneId, deskConversationId) => {
      const { lane, head } = await claimed(laneId);
      const conversation = await store.openConversation(lane);
      if (!conversation) throw new Error('The lane has a conversation.');
      const create = { conversationId: conversation.id, attemptId: crypto.randomUUID() };
      await store.intentCreate(lane.lease, LEASE_MS, { ...create, messageId: head.messageId });
      await store.bind(lane.tenantId, deskConversationId, create);
      await store.release(lane.lease);
      return conversation.id;
    },
    holdHead: async (laneId, reason) => {
      const { lane, head } = await claimed(laneId);
      await store.settle(lane.lease, LEASE_MS, {
        messageId: head.messageId,
        seq: head.seq,
        delivery: 'held',
        ends: false,
        reason,
        lane: { failures: 0 },
      });
      await store.release(lane.lease);
    },
    stop: async () => {
      await app.close();
      if (dataSource.isInitialized) await dataSource.destroy();
      await db.stop();
    },
  };
}
