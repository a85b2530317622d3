import { Global, Module, type DynamicModule } from '@nestjs/common';
import { v7 as uuid } from 'uuid';
import { CLOSE_GRACE_MS, READY_MS, ChannelPort, DeskPort, LaneDrain, type DeliveryObserver } from '#core';
import { TwilioDeliveryModule } from '#channel-twilio';
import { ChatGatewayDeskModule } from '#desk-chat-gateway';
import { PostgresLaneStore, Upkeep, type Pool } from '#persistence';
import {
  Configuration,
  crashPoint,
  Metrics,
  ProviderHttp,
  type ConfigurationByRole,
  type Logger,
} from '#platform';
import { BullWakeUps, LaneHandler, QueueingModule } from '#queueing';
import { Endings } from './endings.js';
import { deliveryObserver, queueObserver } from './observers.js';

/** A drain gives its slot back after so many items or so long, so that no lane starves another. */
const MAX_ITEMS = 50;
const MAX_DRAIN_MS = 5_000;

export interface WorkerBackends {
  logger: Logger;
  metrics: Metrics;
  http: ProviderHttp;
  pool: Pool;
}

/** What delivery is made of: the drain of core between storage, queues and the two providers. */
@Global()
@Module({})
export class WorkerModule {
  static forRoot(configuration: ConfigurationByRole['worker'], backends: WorkerBackends): DynamicModule {
    const { logger, metrics, http, pool } = backends;
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
          provide: LaneDrain,
          inject: [BullWakeUps, ChannelPort, DeskPort],
          useFactory: (wakeUps: BullWakeUps, channel: ChannelPort, desk: DeskPort) =>
            createDrain(configuration, pool, {
              wakeUps,
              channel,
              desk,
              observer: deliveryObserver(metrics, logger),
            }),
        },
        {
          provide: LaneHandler,
          inject: [LaneDrain],
          useFactory: (drain: LaneDrain): LaneHandler => ({ handle: (laneId) => drain.drain(laneId) }),
        },
        {
          provide: Endings,
          inject: [DeskPort],
          useFactory: (desk: DeskPort) =>
            new Endings(new Upkeep(pool), desk, configuration.sendTimeoutMs, logger),
        },
      ],
      exports: [Configuration, Metrics, ProviderHttp],
    };
  }
}

function createDrain(
  configuration: ConfigurationByRole['worker'],
  pool: Pool,
  parts: { wakeUps: BullWakeUps; channel: ChannelPort; desk: DeskPort; observer: DeliveryObserver },
): LaneDrain {
  return new LaneDrain({
    ...parts,
    store: new PostgresLaneStore({
      pool,
      wakeUps: parts.wakeUps,
      readyMs: READY_MS,
      closeGraceMs: CLOSE_GRACE_MS,
    }),
    options: {
      leaseMs: configuration.laneLeaseMs,
      sendTimeoutMs: configuration.sendTimeoutMs,
      uncertainSettleMs: configuration.uncertainSettleMs,
      uncertainPolicy: configuration.uncertainPolicy,
      lookUpPatienceMs: configuration.lookUpPatienceMs,
      maxAgeMs: { inbound: configuration.inboundMaxAgeMs, outbound: configuration.outboundMaxAgeMs },
      maxItems: MAX_ITEMS,
      maxDrainMs: MAX_DRAIN_MS,
    },
    crash: crashPoint,
    newId: uuid,
    nowMs: () => performance.now(),
    random: Math.random,
  });
}
