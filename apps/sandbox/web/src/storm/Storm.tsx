import { Button } from '@mantine/core';
import { ChevronIcon, StormIcon } from '../common/Icons.js';
import { useLive } from '../live-state.js';
import { useShow, useView } from '../location.js';
import { api, attempt } from '../api.js';
import { isRunning, total } from './counts.js';
import { StormForm } from './StormForm.js';
import { StormReport } from './StormReport.js';
import styles from './Storm.module.css';

/** The promise, put to the test: many customers and agents write at once while things are broken around Causeway. */
export function Storm() {
  const storm = useLive('storm');
  const { panel } = useView();
  const show = useShow();
  const open = panel === 'storm';
  const running = isRunning(storm);

  return (
    <section className={styles.storm} aria-label="Storm" data-running={running || undefined}>
      <div className={styles.head}>
        <h3>
          <button
            type="button"
            className={styles.toggle}
            aria-expanded={open}
            onClick={() => show({ panel: open ? null : 'storm' })}
          >
            <StormIcon />
            <span>Storm</span>
            <ChevronIcon />
          </button>
        </h3>
        <p className={styles.pitch}>
          {running
            ? `${Math.round(storm.progress * 100)} % · lost ${total(storm, 'lost')} · doubled ${total(storm, 'doubled')} · out of order ${total(storm, 'outOfOrder')}`
            : 'Many texts at once while everything around Causeway breaks: does any get lost?'}
        </p>
        {running && (
          <Button size="compact-sm" variant="default" onClick={() => void attempt(api.stopStorm())}>
            {storm.phase === 'settling' ? 'Stop waiting' : 'Stop storm'}
          </Button>
        )}
      </div>
      {open && (
        <div className={styles.body}>
          {!running && <StormForm again={storm !== null} />}
          {storm && <StormReport key={storm.id} storm={storm} />}
        </div>
      )}
    </section>
  );
}
