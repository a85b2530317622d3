import type { StormCounts } from '../../../src/page/state.js';
import styles from './Storm.module.css';

interface Props {
  name: string;
  by: 'customer' | 'agent';
  counts: StormCounts;
}

/** One direction: how much of what is planned has been delivered, and is under way. */
export function StormLane({ name, by, counts }: Props) {
  const { planned, accepted, delivered, underWay, refused } = counts;
  const share = (count: number) => `${planned === 0 ? 0 : (100 * count) / planned}%`;
  return (
    <div className={styles.lane} data-by={by}>
      <p>
        <strong>{name}</strong>
        <span>
          {delivered} delivered of {accepted} accepted
          {underWay > 0 && ` · ${underWay} under way`}
          {refused > 0 && ` · ${refused} refused`}
        </span>
      </p>
      <div className={styles.bar} aria-hidden="true">
        <span className={styles.delivered} style={{ width: share(delivered) }} />
        <span className={styles.underWay} style={{ width: share(underWay) }} />
      </div>
    </div>
  );
}
