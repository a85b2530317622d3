import type { DeliveryObserver, FigureObserver } from '#core';
import type { Logger, Metrics } from '#platform';
import type { QueueObserver } from '#queueing';

const PROVIDERS = { inbound: 'chat-gateway', outbound: 'twilio' } as const;

/** Delivery's doings as figures and log lines: ids and codes only. */
export function deliveryObserver(metrics: Metrics, logger: Logger): DeliveryObserver {
  return {
    attempted: ({ direction, kind, outcome, code, seconds, possibleDuplicate, ...ids }) => {
      const provider = PROVIDERS[direction];
      metrics.deliveries.inc({ provider, direction, outcome });
      metrics.attemptDuration.observe({ provider, direction }, seconds);
      if (possibleDuplicate) metrics.possibleDuplicates.inc({ provider, direction });
      const fields = { direction, kind, outcome, code, ...ids };
      if (outcome === 'submitted') logger.debug(fields, 'An attempt was submitted.');
      else if (outcome === 'failed' || outcome === 'held')
        logger.warn(fields, 'A provider refused an attempt.');
      else logger.info(fields, 'An attempt was not submitted.');
    },
    lookedUp: ({ direction, kind, result, ...ids }) => {
      metrics.lookUps.inc({ provider: PROVIDERS[direction], result });
      logger.info({ direction, kind, result, ...ids }, 'An attempt in doubt was looked up.');
    },
    alarm: (name, ids, error) => {
      metrics.alarms.inc({ name });
      logger.error(
        { alarm: name, ...ids, ...(error !== undefined && { err: error }) },
        'Delivery needs a look.',
      );
    },
  };
}

/** The queues' doings as figures and log lines. */
export function queueObserver(metrics: Metrics, logger: Logger): QueueObserver {
  return {
    wakeUps: (outcome, _direction, count) => metrics.wakeUps.inc({ result: outcome }, count),
    failing: (failing, direction) =>
      failing
        ? logger.warn({ direction }, 'Wake-ups cannot be queued; lanes are drained in-process.')
        : logger.info({ direction }, 'Wake-ups are queued again.'),
    evictionPossible: (possible) => {
      if (possible) metrics.alarms.inc({ name: 'redis-may-evict' });
    },
  };
}

/** What became of reading the contact centre's figures: each is counted, and said when it begins and when it ends to fail. */
export function figureObserver(metrics: Metrics, logger: Logger): FigureObserver {
  const failing = new Map<string, string>();
  return {
    read: ({ what, result, code = '' }) => {
      metrics.figureReads.inc({ what, result });
      if (result === 'ok') {
        if (failing.delete(what)) logger.info({ what }, "The contact centre's figures can be read again.");
      } else if (failing.get(what) !== code && code !== 'resting') {
        failing.set(what, code);
        logger.warn({ what, code }, "The contact centre's figures cannot be read: nothing waits for them.");
      }
    },
  };
}
