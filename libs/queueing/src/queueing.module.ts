import { BullModule, getQueueToken } from '@nestjs/bullmq';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { QueueOptions } from 'bullmq';
import { Signals, WakeUps } from '#core';
import { BullSignals } from './bull-signals.js';
import { BullWakeUps } from './bull-wake-ups.js';
import { workerPostgres, workerRedisOptions, type QueueingSettings } from './connections.js';
import { laneProcessorClass, type LaneProcessor } from './lane-processor.js';
import { LaneProcessors } from './lane-processors.js';
import { LaneQueue, LaneWorker } from './lane-queue.js';
import { ProducerHome } from './producer-home.js';
import { directions, queueNames, SIGNALS_QUEUE, type SignalJob } from './queue-names.js';
import type { QueueObserver } from './queue-observer.js';
import { TypingProcessor, typingProcessorClass } from './typing-processor.js';

/** Options shared by all queues; without `removeOn…` every job ever done would be kept for ever. */
const queueOptions = {
  defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
  // Waiting for the server (and asking its version) is remembered when it fails: the queue would stay broken.
  skipWaitingForReady: true,
  skipVersionCheck: true,
  skipMetasUpdate: true,
} satisfies Omit<QueueOptions, 'connection'>;

/**
 * BullMQ for Nest, on Redis where `redisUrl` is set and else on Postgres. Provides {@link WakeUps} (and as
 * {@link BullWakeUps} its `failing` and `stop`) and {@link Signals}, to consumers also {@link LaneProcessors} and
 * {@link TypingProcessor}.
 */
@Module({})
export class QueueingModule {
  /** For the gateway: sends wake-ups only. */
  static forProducer(settings: QueueingSettings, observer: QueueObserver = {}): DynamicModule {
    const home = new ProducerHome(settings, observer);
    return {
      module: QueueingModule,
      imports: [queues(home)],
      providers: [
        wakeUps(home, observer),
        { provide: WakeUps, useExisting: BullWakeUps },
        {
          provide: Signals,
          inject: [getQueueToken(SIGNALS_QUEUE)],
          useFactory: (queue: LaneQueue<SignalJob>) => new BullSignals(home.feedSignals(queue)),
        },
      ],
      exports: [WakeUps, BullWakeUps, Signals],
    };
  }

  /** For the worker: sends and, between `start` and `stop` of {@link LaneProcessors}, processes. */
  static forConsumer(settings: QueueingSettings, observer: QueueObserver = {}): DynamicModule {
    const classes = directions.map((direction) =>
      laneProcessorClass(direction, workerConnection(settings), observer),
    );
    const processors: Provider = {
      provide: LaneProcessors,
      useFactory: (modules: ModuleRef, ...made: LaneProcessor[]) => new LaneProcessors(made, modules),
      inject: [ModuleRef, ...classes],
    };
    const typing = typingProcessorClass(workerConnection(settings));
    const producer = QueueingModule.forProducer(settings, observer);
    return {
      ...producer,
      providers: [
        ...(producer.providers ?? []),
        ...classes,
        processors,
        typing,
        // Not the processor itself: Nest would make a second worker for a second provider that is one.
        {
          provide: TypingProcessor,
          inject: [typing],
          useFactory: (processor: TypingProcessor): Pick<TypingProcessor, 'start' | 'stop'> => ({
            start: (handlers, concurrency) => processor.start(handlers, concurrency),
            stop: (deadlineMs) => processor.stop(deadlineMs),
          }),
        },
      ],
      exports: [...(producer.exports ?? []), LaneProcessors, TypingProcessor],
    };
  }
}

function queues(home: ProducerHome): DynamicModule {
  // Static, hence the same for every module of the process; the classes choose their backend by the connection.
  BullModule.queueClass = LaneQueue;
  BullModule.workerClass = LaneWorker;
  return BullModule.registerQueueAsync(
    ...[...directions.map((direction) => queueNames[direction]), SIGNALS_QUEUE].map((name) => ({
      name,
      useFactory: () => ({ ...queueOptions, connection: home.connection() }),
    })),
  );
}

function wakeUps(home: ProducerHome, observer: QueueObserver): Provider {
  return {
    provide: BullWakeUps,
    useFactory: (inbound: LaneQueue, outbound: LaneQueue, signals: LaneQueue<SignalJob>) =>
      new BullWakeUps(
        {
          inbound: home.feed(inbound),
          outbound: home.feed(outbound),
          close: () => home.close([inbound, outbound, signals]),
        },
        observer,
      ),
    inject: [...directions.map((direction) => queueNames[direction]), SIGNALS_QUEUE].map((name) =>
      getQueueToken(name),
    ),
  };
}

/** Of its own: see {@link laneProcessorClass}. Options only, nothing connects before Nest makes the workers. */
function workerConnection({ redisUrl, databaseUrl }: QueueingSettings): unknown {
  return redisUrl ? { url: redisUrl, ...workerRedisOptions } : workerPostgres(databaseUrl);
}
