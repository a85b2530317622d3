import type { StormState } from '../../../src/page/state.js';
import { Time } from '../time.js';
import { isRunning, total, verdictOf } from './counts.js';
import { Sparkline } from './Sparkline.js';
import { StormLane } from './StormLane.js';
import styles from './Storm.module.css';

const PHASES: Record<StormState['phase'], string> = {
  running: 'It storms: everybody writes',
  settling: 'Nobody writes any more; what is under way is waited for',
  done: 'Over',
  stopped: 'Stopped',
};

/** What the storm does, as it does it. */
export function StormReport({ storm }: { storm: StormState }) {
  const verdict = isRunning(storm) ? undefined : verdictOf(storm);
  const doubled = total(storm, 'doubled');
  const marked = total(storm, 'doubledMarked');
  return (
    <>
      <div className={styles.phase}>
        <p>
          <strong>{PHASES[storm.phase]}</strong> · <Time at={storm.startedAt} />
          {storm.endedAt && (
            <>
              –<Time at={storm.endedAt} />
            </>
          )}
          {storm.faults ? ' · with faults' : ' · without faults'}
        </p>
        <progress aria-label="Progress of the storm" max={1} value={storm.progress} />
      </div>
      <dl className={styles.counters}>
        <Counter name="Lost" number={total(storm, 'lost')} />
        <Counter
          name="Doubled"
          number={doubled}
          forgiven={doubled === marked}
          note={doubled === 0 ? undefined : `${marked} of them marked as possible duplicates`}
        />
        <Counter name="Out of order" number={total(storm, 'outOfOrder')} />
      </dl>
      <div role="status" className={styles.outcome}>
        {verdict && (
          <p className={styles.verdict} data-kept={verdict.kept}>
            {verdict.words}
          </p>
        )}
      </div>
      <StormLane name="Customers to agents" by="customer" counts={storm.inbound} />
      <StormLane name="Agents to customers" by="agent" counts={storm.outbound} />
      <Sparkline storm={storm} />
      {storm.events.length > 0 && (
        <div className={styles.log} role="region" aria-label="What was done to the world" tabIndex={0}>
          <ol>
            {storm.events.map(({ at, text }, index) => (
              <li key={storm.events.length - index}>
                <Time at={at} /> {text}
              </li>
            ))}
          </ol>
        </div>
      )}
    </>
  );
}

interface CounterProps {
  name: string;
  number: number;
  /** More than none, yet within what Causeway promises. */
  forgiven?: boolean;
  note?: string | undefined;
}

function Counter({ name, number, forgiven = false, note }: CounterProps) {
  return (
    <div className={styles.counter} data-tone={number === 0 ? 'good' : forgiven ? 'warn' : 'bad'}>
      <dt>{name}</dt>
      <dd className={styles.number}>{number}</dd>
      {note && <dd className={styles.note}>{note}</dd>}
    </div>
  );
}
