import { Button } from '@mantine/core';
import type { MachineState } from '../../../src/page/state.js';
import { api, attempt } from '../api.js';
import { useLive } from '../live-state.js';
import { Until } from '../time.js';
import styles from './Providers.module.css';

const FREEZE_SECONDS = 10;

/** Buttons that hit Causeway's own machinery; what cannot be done here says why. */
export function Machine() {
  const { worker, queue, postgres } = useLive('machine');
  const notes = [worker.unavailable, queue.unavailable, postgres.unavailable].filter(
    (note) => note !== undefined,
  );

  return (
    <section className={styles.machine} aria-label="Causeway’s own machinery">
      <div className={styles.buttons}>
        <Button
          size="xs"
          variant="default"
          disabled={worker.unavailable !== undefined || !worker.running}
          onClick={() => void attempt(api.killWorker())}
        >
          Kill worker
        </Button>
        {queue.frozenUntil ? (
          <Button size="xs" color="yellow" variant="default" onClick={() => void attempt(api.thawQueue())}>
            Thaw queue
          </Button>
        ) : (
          <Button
            size="xs"
            variant="default"
            disabled={queue.unavailable !== undefined}
            onClick={() => void attempt(api.freezeQueue(FREEZE_SECONDS))}
          >
            Freeze queue {FREEZE_SECONDS} s
          </Button>
        )}
        <Button
          size="xs"
          variant="default"
          disabled={postgres.unavailable !== undefined || !postgres.running}
          onClick={() => void attempt(api.restartPostgres())}
        >
          Restart Postgres
        </Button>
      </div>
      <p className={styles.status} role="status">
        <Process name="Worker" {...worker} />
        {!queue.unavailable && (
          <span data-tone={queue.frozenUntil ? 'warn' : 'good'}>
            Queue (on {queue.home === 'redis' ? 'Redis' : 'Postgres'}){' '}
            {queue.frozenUntil ? (
              <>
                frozen, thaws <Until at={queue.frozenUntil} />
              </>
            ) : (
              'works'
            )}
          </span>
        )}
        <Process name="Postgres" {...postgres} />
      </p>
      {[...new Set(notes)].map((note) => (
        <p key={note} className={styles.note}>
          {note}
        </p>
      ))}
    </section>
  );
}

function Process({ name, running, restarts, unavailable }: { name: string } & MachineState['worker']) {
  if (unavailable) return null;
  const times = restarts === 0 ? '' : restarts === 1 ? ', restarted once' : `, restarted ${restarts} times`;
  return (
    <span data-tone={running ? 'good' : 'bad'}>
      {name} {running ? `runs${times}` : 'is down, comes back by itself'}
    </span>
  );
}
