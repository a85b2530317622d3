import { BRIDGE_HEADING } from '../focus.js';
import { Machine } from '../providers/Machine.js';
import { Providers } from '../providers/Providers.js';
import { Storm } from '../storm/Storm.js';
import { MessageList } from './MessageList.js';
import styles from './Bridge.module.css';

/** The middle: what may be done to the world, and what Causeway does with each message. */
export function Bridge() {
  return (
    <div className={styles.column}>
      <h2 id={BRIDGE_HEADING} tabIndex={-1}>
        The bridge
      </h2>
      <Storm />
      <Providers />
      <Machine />
      <MessageList />
    </div>
  );
}
