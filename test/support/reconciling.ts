import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { v7 as uuid } from 'uuid';
import { LaneDrain, type WakeUp } from '#core';
import { TwilioChannel } from '#channel-twilio';
import {
  ConversationChecks,
  PostgresAcceptor,
  PostgresLaneStore,
  ReceiptChecks,
  ReceivedMarks,
  Upkeep,
} from '#persistence';
import { createLogger, Metrics, ProviderHttp, TemporaryFiles, type AnyConfiguration } from '#platform';
import {
  startChatGatewaySimulator,
  startTwilioSimulator,
  type ChatGatewaySimulator,
  type Exchange,
  type TwilioSimulator,
} from '../../apps/sandbox/src/index.js';
import { gatedCalls, type ProviderCalls } from '../../apps/worker/src/reconcilers/calls.js';
import { ReconcileObserver } from '../../apps/worker/src/reconcilers/observer.js';
import { Reconcilers, type ReconcileTimes } from '../../apps/worker/src/reconcilers/reconcilers.js';
import { parseForm } from '../../libs/channel-twilio/src/form.js';
import { parseMessage, parseStatus } from '../../libs/channel-twilio/src/parser.js';
import { ChatGatewayClient } from '../../libs/desk-chat-gateway/src/client.js';
import { ChatGatewayDesk } from '../../libs/desk-chat-gateway/src/desk.js';
import { parseEvent } from '../../libs/desk-chat-gateway/src/parser.js';
import { eventually, type TestDatabase } from './accepting.js';
import { contractsAvailable, ExchangeAudit } from './contracts.js';
import { OpenGate } from './delivering.js';
import { FakeKeeper } from './fakes.js';

export const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const CHANNEL_ID = '25';
const GRACE_MS = 150;

/** Nothing is too young, and a pass may come at any time: what a test does not lose has arrived before it goes on. */
const TIMES: ReconcileTimes = {
  intervalMs: 1,
  inboundAfterMs: 0,
  agentMessagesAfterMs: 0,
  silentAfterMs: 3_600_000,
  receiptsAfterMs: 1,
};

type Kind = 'received' | 'conversations' | 'receipts';

/** The reconcilers of one worker, and what they saw. */
export interface TestReconcilers {
  pass: (kind: Kind) => Promise<void>;
  found: string[];
  alarms: string[];
  metrics: Metrics;
}

/** Both providers as simulators over real HTTP, our adapters, and webhooks that a test can lose on their way. */
export interface World {
  twilio: TwilioSimulator;
  desk: ChatGatewaySimulator;
  upkeep: Upkeep;
  /** What is lost on the way to us. */
  lose: (webhook: { url: string; body: string }) => boolean;
  reconcilers(
    times?: Partial<ReconcileTimes>,
    calls?: (direct: ProviderCalls) => ProviderCalls,
    owns?: (tenantId: string, account: string) => boolean,
  ): TestReconcilers;
  /** Delivers until nothing is left to deliver. */
  settle(): Promise<void>;
  makeNumber(address: string, configuredAt?: Date): Promise<string>;
  violations(): string[];
  stop(): Promise<void>;
}

export async function startWorld(db: TestDatabase): Promise<World> {
  const audit = contractsAvailable() ? new ExchangeAudit() : undefined;
  // Our calls only: webhooks are lost here on purpose.
  const onExchange = (exchange: Exchange) => {
    if (exchange.direction === 'to-provider') audit?.record(exchange);
  };
  const door = await startDoor(db);
  const twilio = await startTwilioSimulator({
    accountSid: ACCOUNT,
    authTokens: ['token'],
    webhookUrl: `${door.url}/messages`,
    settings: { stepMs: 1 },
    onExchange,
  });
  const desk = await startChatGatewaySimulator({
    apiKey: 'key',
    tenantId: 'tenant',
    customerId: 'customer',
    webhookUrl: `${door.url}/events`,
    channelId: CHANNEL_ID,
    settings: { stepMs: 1, eventRetryMs: [] },
    onExchange,
  });
  const http = new ProviderHttp();
  const channel = new TwilioChannel(http, {
    accountSid: ACCOUNT,
    username: ACCOUNT,
    password: 'token',
    apiBaseUrl: twilio.url,
    publicBaseUrl: door.url,
  });
  const chatGateway = new ChatGatewayDesk(
    new ChatGatewayClient(http, { baseUrl: desk.url, apiKey: 'key', tenantId: 'tenant' }),
  );
  const wakeUps = { wake: (_list: WakeUp[]) => undefined };
  const times = { readyMs: 50, closeGraceMs: GRACE_MS };
  const upkeep = new Upkeep(db.pool);
  const drain = new LaneDrain({
    store: new PostgresLaneStore({ pool: db.pool, wakeUps, ...times }),
    channel,
    desk: chatGateway,
    media: new FakeKeeper(),
    files: new TemporaryFiles(),
    gate: new OpenGate(),
    wakeUps,
    options: {
      leaseMs: 10_000,
      sendTimeoutMs: 3_000,
      uncertainSettleMs: 100,
      uncertainPolicy: 'retry',
      lookUpPatienceMs: 600_000,
      retry: { pausesMs: [50], retryAfterMinMs: 0, retryAfterMaxMs: 50 },
      credentialsWaitMs: 1_000,
      maxAgeMs: { inbound: 86_400_000, outbound: 86_400_000 },
      maxItems: 1_000,
      maxDrainMs: 30_000,
    },
    observer: { attempted: () => undefined, lookedUp: () => undefined, alarm: () => undefined },
    crash: () => undefined,
    newId: uuid,
    nowMs: () => performance.now(),
    random: () => 0,
  });

  return {
    twilio,
    desk,
    upkeep,
    get lose() {
      return door.lose;
    },
    set lose(lose) {
      door.lose = lose;
    },
    reconcilers: (changes = {}, calls = (direct) => direct, owns = () => true) => {
      const metrics = new Metrics({ processMetrics: false });
      const observer = new RecordingObserver(metrics);
      const reconcilers = new Reconcilers({
        upkeep,
        marks: new ReceivedMarks(db.pool),
        conversationChecks: new ConversationChecks({ pool: db.pool, wakeUps, ...times }),
        receiptChecks: new ReceiptChecks(db.pool),
        channel,
        desk: chatGateway,
        acceptor: new PostgresAcceptor({
          pool: db.pool,
          apartPool: db.apartPool,
          wakeUps,
          origin: 'reconciler',
          ...times,
        }),
        calls: calls(gatedCalls(new OpenGate(), 'AC1', 3_000)),
        owns,
        observer,
        times: { ...TIMES, ...changes },
      });
      const rounds = new Map(reconcilers.rounds().map(({ name, run }) => [name, run]));
      return {
        pass: async (kind) => rounds.get(`reconcile-${kind}`)?.(),
        found: observer.seen,
        alarms: observer.alarms,
        metrics,
      };
    },
    settle: async () => {
      await eventually('everything is delivered', async () => {
        await desk.activity.settle(5_000);
        await twilio.activity.settle(5_000);
        const { rowCount } = await db.pool.query('select 1 from lane_items where state <> $1', ['held']);
        if (rowCount === 0) return true;
        const due = await upkeep.dueLanes(100);
        await Promise.all(due.map(({ laneId }) => drain.drain(laneId)));
        return false;
      });
    },
    makeNumber: async (address, configuredAt = new Date(Date.now() - 3_600_000)) => {
      const { rows } = await db.pool.query<{ id: string }>(
        `insert into business_numbers (id, tenant_id, channel, account_sid, address, state, chat_gateway_channel_id,
           configured_at)
         values (new_id(), 'default', $1, $2, $3, 'configured', $4, $5) returning id`,
        [address.startsWith('whatsapp:') ? 'whatsapp' : 'sms', ACCOUNT, address, CHANNEL_ID, configuredAt],
      );
      return rows[0]?.id ?? '';
    },
    violations: () => audit?.violations() ?? [],
    stop: async () => {
      http.destroy();
      await Promise.all([twilio.close(), desk.close(), door.close()]);
    },
  };
}

class RecordingObserver extends ReconcileObserver {
  readonly seen: string[] = [];
  readonly alarms: string[] = [];

  constructor(metrics: Metrics) {
    super(metrics, createLogger('worker', { logLevel: 'silent' } as AnyConfiguration));
  }

  override found(...[kind, ids]: Parameters<ReconcileObserver['found']>): void {
    this.seen.push(kind);
    super.found(kind, ids);
  }

  override alarm(...[name, ids]: Parameters<ReconcileObserver['alarm']>): void {
    this.alarms.push(name);
    super.alarm(name, ids);
  }
}

/** Takes webhooks as the gateway does, without asking for signatures; what is lost is answered 500. */
async function startDoor(db: TestDatabase) {
  const door = { url: '', lose: (_webhook: { url: string; body: string }) => false, close: async () => {} };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const url = request.url ?? '';
      if (door.lose({ url, body: body.toString() })) return void response.writeHead(500).end();
      const events =
        url === '/messages'
          ? [parseMessage('default', parseForm(body))]
          : url === '/events'
            ? [eventIn(body, request.headers)]
            : parseStatus('default', parseForm(body), url);
      db.gateway.accept(events).then(
        () =>
          url === '/messages'
            ? response.writeHead(200, { 'content-type': 'text/xml' }).end('<Response/>')
            : response.writeHead(204).end(),
        () => response.writeHead(503).end(),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  door.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  door.close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return door;
}

function eventIn(body: Buffer, headers: Record<string, unknown>) {
  const { event } = parseEvent(body, {
    tenantId: 'default',
    eventId: String(headers['x-8x8-event-id']),
    transmittedAt: Number(headers['x-8x8-transmission-time']),
  });
  if (!event) throw new Error('An event of no conversation.');
  return event;
}
