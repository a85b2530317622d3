import { setTimeout as delay } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { ChannelPort, DeskPort, LaneDrain } from '#core';
import { twilioWords } from '#channel-twilio';
import { createPool, DueNotes, DueReadReceipts, isReady, TypingTargets, Upkeep } from '#persistence';
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
import { Endings } from './endings.js';
import { MediaDeleting } from './media-deleting.js';
import { NoteWriter } from './note-writer.js';
import { WorkerGate } from './gate/worker-gate.js';
import { ReadReceipts } from './read-receipts.js';
import { Reconcilers } from './reconcilers/reconcilers.js';
import { ProvisioningCheck } from './provisioning-check.js';
import { Rounds } from './rounds.js';
import { Sweeper } from './sweeper.js';
import { Typing } from './typing.js';
import { LANES_PER_DIRECTION, WorkerModule } from './worker.module.js';

const POOL_SIZE = 16;
/** How long a process may spend on ending: running sends have their own deadline, which fits in. */
const STOP_MARGIN_MS = 1_000;
/** Signals worked on at once: few, for they are worth less than any message. */
const SIGNALS_AT_ONCE = 4;
const TIMERS_INTERVAL_MS = 500;
const GATE_INTERVAL_MS = 1_000;
const MEASURE_INTERVAL_MS = 15_000;
const HOUSEKEEPING_INTERVAL_MS = 60_000;
const MEDIA_SWEEP_INTERVAL_MS = 3_600_000;

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
  const { databaseUrl, host, port, sendTimeoutMs, sweepIntervalMs } = configuration;
  const metrics = new Metrics();
  const http = new ProviderHttp();
  const files = new TemporaryFiles();
  await files.sweep();
  const pool = createPool({ databaseUrl, name: 'causeway-worker', maxConnections: POOL_SIZE });
  const health = await startHealthServer({ host, port, metrics, ready: () => isReady(pool) });

  const app = await NestFactory.createApplicationContext(
    WorkerModule.forRoot(configuration, { logger, metrics, http, pool, files }),
    { logger: new PinoLogger(logger), abortOnError: false },
  );
  const drain = app.get(LaneDrain);
  const wakeUps = app.get(BullWakeUps);
  const processors = app.get(LaneProcessors);
  const upkeep = new Upkeep(pool);
  const sweeper = new Sweeper({ upkeep, wakeUps, drain, metrics, lanesAtOnce: LANES_PER_DIRECTION });
  const endings = app.get(Endings);
  const mediaDeleting = app.get(MediaDeleting);
  const notes = new NoteWriter({ due: new DueNotes(pool), words: twilioWords, wakeUps, metrics });
  const gate = app.get(WorkerGate);
  const reconcilers = app.get(Reconcilers);
  const dueReadReceipts = new DueReadReceipts(pool);
  const readReceipts = new ReadReceipts({
    due: dueReadReceipts,
    desk: app.get(DeskPort),
    gate,
    metrics,
    logger,
    timeoutMs: sendTimeoutMs,
  });
  const typing = new Typing({
    targets: new TypingTargets(pool),
    channel: app.get(ChannelPort),
    gate,
    metrics,
    logger,
    timeoutMs: sendTimeoutMs,
  });
  const typingProcessor = app.get(TypingProcessor);
  const provisioningCheck = app.get(ProvisioningCheck);
  const rounds = new Rounds(logger, metrics, [
    { name: 'sweep', intervalMs: sweepIntervalMs, run: () => sweeper.sweep() },
    {
      name: 'timers',
      intervalMs: TIMERS_INTERVAL_MS,
      run: async () => wakeUps.wake(await upkeep.closeDue()),
    },
    { name: 'gate', intervalMs: GATE_INTERVAL_MS, run: () => gate.beat() },
    { name: 'measure', intervalMs: MEASURE_INTERVAL_MS, run: () => sweeper.measure() },
    { name: 'notes', intervalMs: sweepIntervalMs, run: () => notes.run() },
    { name: 'read-receipts', intervalMs: sweepIntervalMs, run: () => readReceipts.run() },
    { name: 'endings', intervalMs: sweepIntervalMs, run: () => endings.run() },
    { name: 'media-deleting', intervalMs: sweepIntervalMs, run: () => mediaDeleting.run() },
    {
      name: 'housekeeping',
      intervalMs: HOUSEKEEPING_INTERVAL_MS,
      run: async () => {
        if (!(await upkeep.takeDuty('housekeeping', HOUSEKEEPING_INTERVAL_MS))) return;
        await upkeep.ensurePartitions();
        await dueReadReceipts.forgetClosed();
        wakeUps.wake(await upkeep.closeSilent());
      },
    },
    {
      name: 'media',
      intervalMs: MEDIA_SWEEP_INTERVAL_MS,
      // Each sweeps: a directory may be a machine's own in part, and sweeping twice is harmless.
      run: async () => void (await app.get(MediaStore).sweep()),
    },
    ...reconcilers.rounds(),
    provisioningCheck.round(),
  ]);

  // The first send must not spend its deadline on loading a client.
  await app.get(ChannelPort).warmUp?.();
  // Without a database it joins the others later, by a round.
  await gate.beat().catch(() => undefined);
  processors.start(LANES_PER_DIRECTION);
  typingProcessor.start((conversation, ageMs) => typing.show(conversation, ageMs), SIGNALS_AT_ONCE);
  rounds.start();

  return {
    port: health.port,
    stop: async () => {
      drain.stop();
      reconcilers.stop();
      provisioningCheck.stop();
      const limitMs = sendTimeoutMs + STOP_MARGIN_MS;
      // Media take longer than a send, and nothing is lost with them: another worker fetches them again.
      const idle = Promise.all([rounds.stop(), sweeper.idle()]);
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
