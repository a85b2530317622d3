import type { Logger, Metrics } from '#platform';
import type { QueueObserver } from '#queueing';

/** The queues' doings as figures and log lines. */
export function queueObserver(metrics: Metrics, logger: Logger): QueueObserver {
  return {
    wakeUps: (outcome, _direction, count) => metrics.wakeUps.inc({ result: outcome }, count),
    failing: (failing, direction) =>
      failing
        ? logger.warn({ direction }, 'Wake-ups cannot be queued; workers find lanes by sweeping.')
        : logger.info({ direction }, 'Wake-ups are queued again.'),
    evictionPossible: (possible) => {
      if (possible) metrics.alarms.inc({ name: 'redis-may-evict' });
    },
  };
}
