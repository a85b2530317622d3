import {
  CLOSE_GRACE_MS,
  READY_MS,
  type ChannelPort,
  type DeskPort,
  type LaneDrain,
  type OpeningHours,
  type QueueStatistics,
} from '#core';
import { createProvisioning, twilioWords } from '#channel-twilio';
import {
  ClosedHours,
  ConversationChecks,
  DueNotes,
  DueReadReceipts,
  DueTexts,
  MediaDeletions,
  PostgresAcceptor,
  ProvisionedWebhooks,
  ReceiptChecks,
  ReceivedMarks,
  Upkeep,
  Waits,
} from '#persistence';
import { Tenants, type ConfigurationByRole, type MediaStore } from '#platform';
import type { BullWakeUps } from '#queueing';
import { Endings } from './endings.js';
import type { WorkerGate } from './gate/worker-gate.js';
import { MediaDeleting } from './media-deleting.js';
import { NoteWriter } from './note-writer.js';
import { Opening } from './opening.js';
import { ProvisioningCheck } from './provisioning-check.js';
import { ReadReceipts } from './read-receipts.js';
import { gatedCalls } from './reconcilers/calls.js';
import { ReconcileObserver } from './reconcilers/observer.js';
import { Reconcilers } from './reconcilers/reconcilers.js';
import { Rounds } from './rounds.js';
import { Sweeper } from './sweeper.js';
import { TextWriter } from './text-writer.js';
import { Waiting } from './waiting.js';
import { LANES_PER_DIRECTION, type WorkerBackends } from './worker.module.js';

const TIMERS_INTERVAL_MS = 500;
const GATE_INTERVAL_MS = 1_000;
const OPENING_INTERVAL_MS = 10_000;
/** The contact centre makes its figures anew so often. */
const WAITING_INTERVAL_MS = 5_000;
const MEASURE_INTERVAL_MS = 15_000;
const HOUSEKEEPING_INTERVAL_MS = 60_000;
/** Conversations of silent customers are warned of and closed so exactly. */
const SILENCE_INTERVAL_MS = 10_000;
const MEDIA_SWEEP_INTERVAL_MS = 3_600_000;

/** What rounds work with. */
export interface RoundParts {
  drain: LaneDrain;
  wakeUps: BullWakeUps;
  channel: ChannelPort;
  desk: DeskPort;
  hours: OpeningHours;
  statistics: QueueStatistics;
  gate: WorkerGate;
  store: MediaStore;
}

/** Everything that a worker does again and again, beside the lanes that it is woken for. */
export class WorkerRounds {
  private readonly sweeper: Sweeper;
  private readonly reconcilers: Reconcilers;
  private readonly provisioningCheck: ProvisioningCheck;
  private readonly rounds: Rounds;

  constructor(configuration: ConfigurationByRole['worker'], backends: WorkerBackends, parts: RoundParts) {
    const { pool, metrics, logger } = backends;
    const { drain, wakeUps, channel, desk, hours, statistics, gate, store } = parts;
    const { sweepIntervalMs, sendTimeoutMs: timeoutMs } = configuration;
    const upkeep = new Upkeep(pool);
    const sweeper = new Sweeper({ upkeep, wakeUps, drain, metrics, lanesAtOnce: LANES_PER_DIRECTION });
    const endings = new Endings(upkeep, desk, gate, timeoutMs, logger);
    const mediaDeleting = new MediaDeleting(new MediaDeletions(pool), channel, gate, timeoutMs, logger);
    const notes = new NoteWriter({ due: new DueNotes(pool), words: twilioWords, wakeUps, metrics });
    const texts = new TextWriter({ due: new DueTexts(pool), wakeUps, metrics });
    const opening = new Opening({ closed: new ClosedHours(pool), hours, wakeUps });
    const openingIntervalMs = Math.min(OPENING_INTERVAL_MS, configuration.scheduleCacheMs);
    const waiting = new Waiting({
      waits: new Waits(pool),
      statistics,
      texts: new DueTexts(pool),
      desk,
      gate,
      metrics,
      logger,
      timeoutMs,
    });
    const dueReadReceipts = new DueReadReceipts(pool);
    const readReceipts = new ReadReceipts({ due: dueReadReceipts, desk, gate, metrics, logger, timeoutMs });
    this.sweeper = sweeper;
    this.reconcilers = createReconcilers(configuration, backends, parts);
    this.provisioningCheck = createProvisioningCheck(configuration, backends, parts);
    this.rounds = new Rounds(logger, metrics, [
      { name: 'sweep', intervalMs: sweepIntervalMs, run: () => sweeper.sweep() },
      {
        name: 'timers',
        intervalMs: TIMERS_INTERVAL_MS,
        run: async () => {
          wakeUps.wake(await upkeep.closeDue());
          wakeUps.wake(await upkeep.closeEnded());
        },
      },
      { name: 'gate', intervalMs: GATE_INTERVAL_MS, run: () => gate.beat() },
      { name: 'measure', intervalMs: MEASURE_INTERVAL_MS, run: () => sweeper.measure() },
      { name: 'notes', intervalMs: sweepIntervalMs, run: () => notes.run() },
      { name: 'texts', intervalMs: TIMERS_INTERVAL_MS, run: () => texts.run() },
      {
        name: 'opening',
        intervalMs: openingIntervalMs,
        run: async () => {
          if (await upkeep.takeDuty('opening', openingIntervalMs / 2)) await opening.run();
        },
      },
      {
        name: 'waiting',
        intervalMs: WAITING_INTERVAL_MS,
        run: async () => {
          if (await upkeep.takeDuty('waiting', WAITING_INTERVAL_MS / 2)) await waiting.run();
        },
      },
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
          await texts.forget();
          await waiting.forget();
        },
      },
      {
        name: 'silence',
        intervalMs: SILENCE_INTERVAL_MS,
        run: async () => {
          if (!(await upkeep.takeDuty('silence', SILENCE_INTERVAL_MS / 2))) return;
          await upkeep.warnSilent();
          wakeUps.wake(await upkeep.closeSilent());
        },
      },
      {
        name: 'media',
        intervalMs: MEDIA_SWEEP_INTERVAL_MS,
        // Each sweeps: a directory may be a machine's own in part, and sweeping twice is harmless.
        run: async () => void (await store.sweep()),
      },
      ...this.reconcilers.rounds(),
      this.provisioningCheck.round(),
    ]);
  }

  start(): void {
    this.rounds.start();
  }

  /** Begins nothing more; resolves when what runs has ended, which may take longer than a send. */
  async stop(): Promise<void> {
    this.reconcilers.stop();
    this.provisioningCheck.stop();
    await Promise.all([this.rounds.stop(), this.sweeper.idle()]);
  }
}

function createProvisioningCheck(
  configuration: ConfigurationByRole['worker'],
  { pool, http, metrics, logger }: WorkerBackends,
  { gate }: RoundParts,
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
  { wakeUps, channel, desk, gate }: RoundParts,
): Reconcilers {
  const times = { readyMs: READY_MS, closeGraceMs: CLOSE_GRACE_MS };
  const tenants = new Tenants(configuration);
  return new Reconcilers({
    channel,
    desk,
    upkeep: new Upkeep(pool),
    marks: new ReceivedMarks(pool),
    conversationChecks: new ConversationChecks({ pool, wakeUps, ...times }),
    receiptChecks: new ReceiptChecks(pool),
    acceptor: new PostgresAcceptor({ pool, apartPool: pool, wakeUps, origin: 'reconciler', ...times }),
    calls: gatedCalls(gate, configuration.twilioAccountSid, configuration.sendTimeoutMs),
    owns: (tenantId, account) => (tenants.ofTwilioAccount(account)?.id ?? tenantId) === tenantId,
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
