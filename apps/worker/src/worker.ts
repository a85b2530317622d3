import { setTimeout as delay } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { ChannelPort, DeskPort, LaneDrain, OpeningHours, QueueStatistics } from '#core';
import { createPool, isReady, TypingTargets } from '#persistence';
import {
  MediaStore,
  Metrics,
  PinoLogger,
  ProviderHttp,
  startHealthServer,
  TemporaryFiles,
  type ConfigurationByRole,
  type Logger,
} from '#platform';
import { BullWakeUps, LaneProcessors, TypingProcessor } from '#queueing';
import { WorkerGate } from './gate/worker-gate.js';
import { Typing } from './typing.js';
import { WorkerRounds } from './worker-rounds.js';
import { LANES_PER_DIRECTION, WorkerModule } from './worker.module.js';

const POOL_SIZE = 16;
/** How long a process may spend on ending: running sends have their own deadline, which fits in. */
const STOP_MARGIN_MS = 1_000;
/** Signals worked on at once: few, for they are worth less than any message. */
const SIGNALS_AT_ONCE = 4;

export interface Worker {
  port: number;
  /** No new lanes, then the running sends, then connections. Bounded by the deadline of a send. */
  stop(): Promise<void>;
}

/** Delivery: BullMQ processors, the sweeper, timers. Any number of these may run beside each other. */
export async function startWorker(
  configuration: ConfigurationByRole['worker'],
  logger: Logger,
): Promise<Worker> {
  const { databaseUrl, host, port, sendTimeoutMs } = configuration;
  const metrics = new Metrics();
  const http = new ProviderHttp();
  const files = new TemporaryFiles();
  await files.sweep();
  const pool = createPool({ databaseUrl, name: 'causeway-worker', maxConnections: POOL_SIZE });
  const health = await startHealthServer({ host, port, metrics, ready: () => isReady(pool) });

  const backends = { logger, metrics, http, pool, files };
  const app = await NestFactory.createApplicationContext(WorkerModule.forRoot(configuration, backends), {
    logger: new PinoLogger(logger),
    abortOnError: false,
  });
  const drain = app.get(LaneDrain);
  const wakeUps = app.get(BullWakeUps);
  const processors = app.get(LaneProcessors);
  const typingProcessor = app.get(TypingProcessor);
  const channel = app.get(ChannelPort);
  const gate = app.get(WorkerGate);
  const typing = new Typing({
    targets: new TypingTargets(pool),
    channel,
    gate,
    metrics,
    logger,
    timeoutMs: sendTimeoutMs,
  });
  const store = app.get(MediaStore);
  const desk = app.get(DeskPort);
  const figures = { hours: app.get(OpeningHours), statistics: app.get(QueueStatistics) };
  const parts = { drain, wakeUps, channel, desk, ...figures, gate, store };
  const rounds = new WorkerRounds(configuration, backends, parts);

  // The first send must not spend its deadline on loading a client.
  await channel.warmUp?.();
  // Without a database it joins the others later, by a round.
  await gate.beat().catch(() => undefined);
  processors.start(LANES_PER_DIRECTION);
  typingProcessor.start((conversation, ageMs) => typing.show(conversation, ageMs), SIGNALS_AT_ONCE);
  rounds.start();

  return {
    port: health.port,
    stop: async () => {
      drain.stop();
      const limitMs = sendTimeoutMs + STOP_MARGIN_MS;
      // Media take longer than a send, and nothing is lost with them: another worker fetches them again.
      const idle = rounds.stop();
      await Promise.all([
        processors.stop(limitMs),
        typingProcessor.stop(limitMs),
        Promise.race([idle, delay(limitMs, undefined, { ref: false })]),
      ]);
      await gate.stop();
      await wakeUps.stop();
      await app.close();
      http.destroy();
      await Promise.allSettled([health.close(), pool.end(), files.close()]);
    },
  };
}
