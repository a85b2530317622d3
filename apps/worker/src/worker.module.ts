import { Global, Module, type DynamicModule } from '@nestjs/common';
import { v7 as uuid } from 'uuid';
import {
  BotPort,
  CLOSE_GRACE_MS,
  READY_MS,
  ChannelPort,
  DeskPort,
  FigureObserver,
  LaneDrain,
  MediaKeeper,
  OpeningHours,
  type DeliveryObserver,
} from '#core';
import { messagesPerSecond, TwilioDeliveryModule } from '#channel-twilio';
import { BotWebhookModule } from '#bot-webhook';
import { ChatGatewayDeskModule } from '#desk-chat-gateway';
import {
  PostgresContentTemplates,
  PostgresLaneStore,
  ProviderStates,
  ServiceSecrets,
  type Pool,
} from '#persistence';
import {
  Configuration,
  crashPoint,
  HookSigner,
  LinkSecrets,
  MediaStore,
  mediaStoreOf,
  Metrics,
  ProviderHttp,
  Tenants,
  type TemporaryFiles,
  type ConfigurationByRole,
  type Logger,
} from '#platform';
import { BullWakeUps, LaneHandler, QueueingModule } from '#queueing';
import { WorkerGate, type GateOptions } from './gate/worker-gate.js';
import { EldDetector } from './customers/eld-detector.js';
import { HttpDirectory } from './customers/http-directory.js';
import { FileKeeper } from './media/file-keeper.js';
import { SafeWebFiles } from './media/web-files.js';
import { deliveryObserver, figureObserver, queueObserver } from './observers.js';

/** Lanes worked on at once per direction; each holds at most one connection of the pool, and rarely. */
export const LANES_PER_DIRECTION = 32;
/** A drain gives its slot back after so many items or so long, so that no lane starves another. */
const MAX_ITEMS = 50;
const MAX_DRAIN_MS = 5_000;
/** Calls to one bot under way at once, over all workers. */
const BOT_CONCURRENCY = 100;

export interface WorkerBackends {
  logger: Logger;
  metrics: Metrics;
  http: ProviderHttp;
  pool: Pool;
  files: TemporaryFiles;
}

/** What delivery is made of: the drain of core between storage, queues and the two providers. */
@Global()
@Module({})
export class WorkerModule {
  static forRoot(configuration: ConfigurationByRole['worker'], backends: WorkerBackends): DynamicModule {
    const { logger, metrics, http, pool } = backends;
    const observer = deliveryObserver(metrics, logger);
    return {
      module: WorkerModule,
      imports: [
        QueueingModule.forConsumer(configuration, queueObserver(metrics, logger)),
        TwilioDeliveryModule,
        ChatGatewayDeskModule,
        BotWebhookModule,
      ],
      providers: [
        { provide: Configuration, useValue: configuration },
        { provide: Metrics, useValue: metrics },
        { provide: ProviderHttp, useValue: http },
        { provide: FigureObserver, useValue: figureObserver(metrics, logger) },
        {
          provide: WorkerGate,
          inject: [BullWakeUps],
          useFactory: (wakeUps: BullWakeUps) =>
            new WorkerGate({
              workerId: uuid(),
              states: new ProviderStates(pool),
              wakeUps,
              metrics,
              logger,
              observer,
              options: gateOptions(configuration),
            }),
        },
        { provide: MediaStore, useValue: mediaStoreOf(configuration) },
        {
          provide: MediaKeeper,
          inject: [MediaStore],
          useFactory: (store: MediaStore) =>
            new FileKeeper({
              store,
              secrets: new LinkSecrets(() => new ServiceSecrets(pool).read('media-links')),
              metrics,
              publicBaseUrl: configuration.publicBaseUrl,
              keepDays: configuration.mediaKeepDays,
            }),
        },
        {
          provide: LaneDrain,
          inject: [BullWakeUps, ChannelPort, DeskPort, BotPort, OpeningHours, WorkerGate, MediaKeeper],
          useFactory: (
            wakeUps: BullWakeUps,
            channel: ChannelPort,
            desk: DeskPort,
            bot: BotPort,
            hours: OpeningHours,
            gate: WorkerGate,
            media: MediaKeeper,
          ) =>
            createDrain(configuration, backends, {
              wakeUps,
              channel,
              desk,
              bot,
              hours,
              gate,
              media,
              observer,
            }),
        },
        {
          provide: LaneHandler,
          inject: [LaneDrain],
          useFactory: (drain: LaneDrain): LaneHandler => ({ handle: (laneId) => drain.drain(laneId) }),
        },
      ],
      exports: [Configuration, Metrics, ProviderHttp, FigureObserver],
    };
  }
}

function gateOptions(configuration: ConfigurationByRole['worker']): GateOptions {
  return {
    failureShare: configuration.breakerFailurePercent / 100,
    minCalls: configuration.breakerMinCalls,
    windowMs: configuration.breakerWindowMs,
    probeIntervalMs: configuration.probeIntervalMs,
    credentialsProbeIntervalMs: configuration.credentialsProbeIntervalMs,
    lanesAtOnce: LANES_PER_DIRECTION,
    callTimeoutMs: configuration.sendTimeoutMs,
    concurrency: {
      channel: configuration.twilioConcurrency,
      desk: configuration.chatGatewayConcurrency,
      bot: BOT_CONCURRENCY,
    },
    messagesPerSecond: (address) =>
      messagesPerSecond(address, {
        sms: configuration.smsPerSecond,
        whatsapp: configuration.whatsappPerSecond,
      }),
  };
}

function createDrain(
  configuration: ConfigurationByRole['worker'],
  { pool, files, http, metrics, logger }: WorkerBackends,
  parts: {
    wakeUps: BullWakeUps;
    channel: ChannelPort;
    desk: DeskPort;
    bot: BotPort;
    hours: OpeningHours;
    gate: WorkerGate;
    media: MediaKeeper;
    observer: DeliveryObserver;
  },
): LaneDrain {
  const tenants = new Tenants(configuration);
  return new LaneDrain({
    ...parts,
    files,
    directory: new HttpDirectory({
      http,
      signer: new HookSigner((id) => tenants.hookSecretsOf(id)),
      metrics,
      logger,
    }),
    languages: new EldDetector(),
    web: new SafeWebFiles(configuration.publicBaseUrl),
    store: new PostgresLaneStore({
      pool,
      wakeUps: parts.wakeUps,
      readyMs: READY_MS,
      closeGraceMs: CLOSE_GRACE_MS,
    }),
    templates: new PostgresContentTemplates(pool),
    options: {
      leaseMs: configuration.laneLeaseMs,
      sendTimeoutMs: configuration.sendTimeoutMs,
      uncertainSettleMs: configuration.uncertainSettleMs,
      uncertainPolicy: configuration.uncertainPolicy,
      lookUpPatienceMs: configuration.lookUpPatienceMs,
      maxAgeMs: { inbound: configuration.inboundMaxAgeMs, outbound: configuration.outboundMaxAgeMs },
      retry: {
        pausesMs: configuration.retryScheduleMs,
        retryAfterMinMs: configuration.retryAfterMinMs,
        retryAfterMaxMs: configuration.retryAfterMaxMs,
      },
      credentialsWaitMs: configuration.credentialsProbeIntervalMs,
      maxItems: MAX_ITEMS,
      maxDrainMs: MAX_DRAIN_MS,
    },
    crash: crashPoint,
    newId: uuid,
    nowMs: () => performance.now(),
    random: Math.random,
  });
}
