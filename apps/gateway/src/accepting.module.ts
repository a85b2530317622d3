import { Global, Module, type DynamicModule } from '@nestjs/common';
import {
  CLOSE_GRACE_MS,
  READY_MS,
  Acceptor,
  Signals,
  WakeUps,
  WebhookObserver,
  type WebhookOutcome,
} from '#core';
import { PostgresAcceptor } from '#persistence';
import {
  Configuration,
  crashPoint,
  Metrics,
  ProviderHttp,
  type ConfigurationByRole,
  type Logger,
} from '#platform';
import { BullWakeUps, QueueingModule } from '#queueing';
import { Backends } from './backends.js';
import { queueObserver } from './queue-observer.js';

/** What the doors need: the acceptor and what stands behind it. Global, because adapters do not know this app. */
@Global()
@Module({})
export class AcceptingModule {
  static forRoot(
    configuration: ConfigurationByRole['gateway'],
    logger: Logger,
    backends: Backends,
  ): DynamicModule {
    const { metrics } = backends;
    return {
      module: AcceptingModule,
      imports: [QueueingModule.forProducer(configuration, queueObserver(metrics, logger))],
      providers: [
        { provide: Configuration, useValue: configuration },
        { provide: Backends, useValue: backends },
        { provide: Metrics, useValue: metrics },
        { provide: ProviderHttp, useValue: backends.http },
        { provide: WebhookObserver, useFactory: () => new WebhookMetrics(metrics, logger) },
        {
          provide: Acceptor,
          inject: [BullWakeUps, Signals],
          useFactory: (wakeUps: BullWakeUps, signals: Signals) => {
            backends.onClose(() => wakeUps.stop());
            return createAcceptor(backends, { wakeUps, signals }, logger);
          },
        },
      ],
      exports: [Configuration, Backends, Metrics, ProviderHttp, WebhookObserver, Acceptor, QueueingModule],
    };
  }
}

function createAcceptor(
  backends: Backends,
  told: { wakeUps: WakeUps; signals: Signals },
  logger: Logger,
): Acceptor {
  const { metrics, pool, apartPool } = backends;
  return new PostgresAcceptor({
    pool,
    apartPool,
    ...told,
    readyMs: READY_MS,
    closeGraceMs: CLOSE_GRACE_MS,
    onBatch: (_kind, size, seconds) => {
      metrics.acceptBatchSize.observe(size);
      metrics.acceptDuration.observe(seconds);
    },
    onAccepted: (kind, result) => {
      metrics.eventsAccepted.inc({ kind, result });
      if (result !== 'conflict') return;
      metrics.alarms.inc({ name: 'event-id-with-another-body' });
      logger.error({ kind }, 'An event id came again with another body.');
    },
    onUnmatchedReceipts: (count) =>
      metrics.eventsAccepted.inc({ kind: 'receipt', result: 'unmatched' }, count),
    onStep: crashPoint,
  });
}

/** Under this name the Chat Gateway's door reports events that were taken but say nothing to us. */
const EVENT_ODDITIES = 'chat-gateway-events';
/** Outcomes of a request that was answered 2xx. */
const TAKEN: ReadonlySet<string> = new Set(['accepted', 'duplicate', 'conflict', 'ignored']);

/** A refusal is logged at most so often per door and reason: a forger must not fill the log. Milliseconds. */
const REFUSAL_LOG_INTERVAL_MS = 10_000;

/** Webhooks as figures, and refused ones as log lines: a wrong token or base URL shows here first. */
class WebhookMetrics extends WebhookObserver {
  private readonly loggedAt = new Map<string, number>();

  constructor(
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {
    super();
  }

  ended(door: string, outcome: WebhookOutcome): void {
    if (door === EVENT_ODDITIES) {
      this.metrics.eventsAccepted.inc({ kind: 'desk-event', result: outcome });
      return;
    }
    this.metrics.webhooksReceived.inc({ door });
    if (TAKEN.has(outcome)) return;
    this.metrics.webhooksRefused.inc({ door, reason: outcome });
    this.logRefusal(door, outcome);
  }

  private logRefusal(door: string, reason: string): void {
    const now = performance.now();
    const key = `${door} ${reason}`;
    if (now - (this.loggedAt.get(key) ?? -Infinity) < REFUSAL_LOG_INTERVAL_MS) return;
    this.loggedAt.set(key, now);
    this.logger.warn(
      { door, reason },
      'A webhook was refused; further ones of this kind are only counted for a while.',
    );
  }
}
