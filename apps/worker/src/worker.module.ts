import { Global, Module, type DynamicModule } from '@nestjs/common';
import { v7 as uuid } from 'uuid';
import {
  CLOSE_GRACE_MS,
  READY_MS,
  ChannelPort,
  DeskPort,
  LaneDrain,
  MediaKeeper,
  type DeliveryObserver,
} from '#core';
import { createProvisioning, messagesPerSecond, TwilioDeliveryModule } from '#channel-twilio';
import { ChatGatewayDeskModule } from '#desk-chat-gateway';
import {
  ConversationChecks,
  MediaDeletions,
  PostgresContentTemplates,
  PostgresAcceptor,
  PostgresLaneStore,
  ProviderStates,
  ProvisionedWebhooks,
  ReceiptChecks,
  ReceivedMarks,
  ServiceSecrets,
  Upkeep,
  type Pool,
} from '#persistence';
import {
  Configuration,
  crashPoint,
  LinkSecrets,
  MediaStore,
  mediaStoreOf,
  Metrics,
  ProviderHttp,
  type TemporaryFiles,
  type ConfigurationByRole,
  type Logger,
} from '#platform';
import { BullWakeUps, LaneHandler, QueueingModule } from '#queueing';
import { Endings } from './endings.js';
import { MediaDeleting } from './media-deleting.js';
import { WorkerGate, type GateOptions } from './gate/worker-gate.js';
import { FileKeeper } from './media/file-keeper.js';
import { deliveryObserver, queueObserver } from './observers.js';
import { gatedCalls } from './reconcilers/calls.js';
import { ReconcileObserver } from './reconcilers/observer.js';
import { ProvisioningCheck } from './provisioning-check.js';
import { Reconcilers } from './reconcilers/reconcilers.js';

/** Lanes worked on at once per direction; each holds at most one connection of the pool, and rarely. */
export const LANES_PER_DIRECTION = 32;
/** A drain gives its slot back after so many items or so long, so that no lane starves another. */
const MAX_ITEMS = 50;
const MAX_DRAIN_MS = 5_000;

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
    const { logger, metrics, http, pool, files } = backends;
    const observer = deliveryObserver(metrics, logger);
    return {
      module: WorkerModule,
      imports: [
        QueueingModule.forConsumer(configuration, queueObserver(metrics, logger)),
        TwilioDeliveryModule,
        ChatGatewayDeskModule,
      ],
      providers: [
        { provide: Configuration, useValue: configuration },
        { provide: Metrics, useValue: metrics },
        { provide: ProviderHttp, useValue: http },
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
          inject: [BullWakeUps, ChannelPort, DeskPort, WorkerGate, MediaKeeper],
          useFactory: (
            wakeUps: BullWakeUps,
            channel: ChannelPort,
            desk: DeskPort,
            gate: WorkerGate,
            media: MediaKeeper,
          ) => createDrain(configuration, pool, { wakeUps, channel, desk, files, gate, media, observer }),
        },
        {
          provide: LaneHandler,
          inject: [LaneDrain],
          useFactory: (drain: LaneDrain): LaneHandler => ({ handle: (laneId) => drain.drain(laneId) }),
        },
        {
          provide: Endings,
          inject: [DeskPort, WorkerGate],
          useFactory: (desk: DeskPort, gate: WorkerGate) =>
            new Endings(new Upkeep(pool), desk, gate, configuration.sendTimeoutMs, logger),
        },
        {
          provide: MediaDeleting,
          inject: [ChannelPort, WorkerGate],
          useFactory: (channel: ChannelPort, gate: WorkerGate) =>
            new MediaDeleting(new MediaDeletions(pool), channel, gate, configuration.sendTimeoutMs, logger),
        },
        {
          provide: Reconcilers,
          inject: [BullWakeUps, ChannelPort, DeskPort, WorkerGate],
          useFactory: (wakeUps: BullWakeUps, channel: ChannelPort, desk: DeskPort, gate: WorkerGate) =>
            createReconcilers(configuration, backends, { wakeUps, channel, desk, gate }),
        },
        {
          provide: ProvisioningCheck,
          inject: [WorkerGate],
          useFactory: (gate: WorkerGate) => createProvisioningCheck(configuration, backends, gate),
        },
      ],
      exports: [Configuration, Metrics, ProviderHttp],
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
    concurrency: { channel: configuration.twilioConcurrency, desk: configuration.chatGatewayConcurrency },
    messagesPerSecond: (address) =>
      messagesPerSecond(address, {
        sms: configuration.smsPerSecond,
        whatsapp: configuration.whatsappPerSecond,
      }),
  };
}

function createDrain(
  configuration: ConfigurationByRole['worker'],
  pool: Pool,
  parts: {
    wakeUps: BullWakeUps;
    channel: ChannelPort;
    desk: DeskPort;
    files: TemporaryFiles;
    gate: WorkerGate;
    media: MediaKeeper;
    observer: DeliveryObserver;
  },
): LaneDrain {
  return new LaneDrain({
    ...parts,
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

function createProvisioningCheck(
  configuration: ConfigurationByRole['worker'],
  { pool, http, metrics, logger }: WorkerBackends,
  gate: WorkerGate,
): ProvisioningCheck {
  return new ProvisioningCheck({
    upkeep: new Upkeep(pool),
    webhooks: new ProvisionedWebhooks(pool),
    provisioning: createProvisioning(configuration, http),
    calls: gatedCalls(gate, configuration.twilioAccountSid, configuration.sendTimeoutMs),
    observer: new ReconcileObserver(metrics, logger),
    metrics,
    logger,
    intervalMs: configuration.provisionCheckIntervalMs,
  });
}

/** Finding is rare, so it shares the worker's connections. */
function createReconcilers(
  configuration: ConfigurationByRole['worker'],
  { pool, metrics, logger }: WorkerBackends,
  parts: { wakeUps: BullWakeUps; channel: ChannelPort; desk: DeskPort; gate: WorkerGate },
): Reconcilers {
  const { wakeUps } = parts;
  const times = { readyMs: READY_MS, closeGraceMs: CLOSE_GRACE_MS };
  return new Reconcilers({
    ...parts,
    upkeep: new Upkeep(pool),
    marks: new ReceivedMarks(pool),
    conversationChecks: new ConversationChecks({ pool, wakeUps, ...times }),
    receiptChecks: new ReceiptChecks(pool),
    acceptor: new PostgresAcceptor({ pool, apartPool: pool, wakeUps, origin: 'reconciler', ...times }),
    calls: gatedCalls(parts.gate, configuration.twilioAccountSid, configuration.sendTimeoutMs),
    observer: new ReconcileObserver(metrics, logger),
    times: {
      intervalMs: configuration.reconcileIntervalMs,
      inboundAfterMs: configuration.reconcileInboundAfterMs,
      agentMessagesAfterMs: configuration.reconcileAgentMessagesAfterMs,
      silentAfterMs: configuration.reconcileSilentAfterMs,
      receiptsAfterMs: configuration.reconcileReceiptsAfterMs,
    },
  });
}
