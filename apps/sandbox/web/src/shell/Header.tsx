import { BridgeIcon } from '../common/Icons.js';
import { useConnection, useLive, type Connection } from '../live-state.js';
import { KeyboardHelp } from './KeyboardHelp.js';
import { useNarrow } from './places.js';
import { ThemeSwitch } from './ThemeSwitch.js';
import styles from './Shell.module.css';

const CONNECTION_WORDS: Record<Connection, string> = {
  connecting: 'Connecting',
  open: 'Live',
  lost: 'No answer',
};

export function Header() {
  const { links } = useLive('setup');
  const connection = useConnection();
  const narrow = useNarrow();
  return (
    <header className={styles.header}>
      <div className={styles.brand}>
        <span className={styles.mark}>
          <BridgeIcon />
        </span>
        <h1>Causeway</h1>
        <p className={styles.connection} data-state={connection}>
          {CONNECTION_WORDS[connection]}
        </p>
      </div>
      <p className={styles.pitch}>
        {narrow
          ? 'Customers’ texts, the agents’ desk, and between them what the bridge does with each message.'
          : 'Texts on the left, agents on the right, and in the middle what the bridge does with each message.'}
      </p>
      <div className={styles.tools}>
        <a href={`${links.gateway}/api/docs`} target="_blank" rel="noreferrer">
          API docs
        </a>
        <KeyboardHelp />
        <ThemeSwitch />
      </div>
    </header>
  );
}
