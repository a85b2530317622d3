import { ActionIcon } from '@mantine/core';
import type { Phone } from '../../../src/page/state.js';
import { api, attempt } from '../api.js';
import { RemoveIcon } from '../common/Icons.js';
import { useLive } from '../live-state.js';
import { useShow } from '../location.js';
import { PhoneMenu } from './PhoneMenu.js';
import { PhoneTexts } from './PhoneTexts.js';
import { useReading } from './reading.js';
import { CHANNEL_NAMES, numberOf } from './selection.js';
import { TextComposer } from './TextComposer.js';
import styles from './PhoneScreen.module.css';

/** One phone as the customer holds it. */
export function PhoneScreen({ phone }: { phone: Phone }) {
  const show = useShow();
  const { businessNumbers } = useLive('setup');
  const numbers = businessNumbers.filter((number) => number.channel === phone.channel);
  const { whatsApp, messages } = phone;
  const isClosed = messages.length > 0 && (whatsApp?.closedWindows.length ?? 0) > 0;
  useReading(phone);

  const remove = async () => {
    if (await attempt(api.removePhone(phone.address))) show({ phone: null });
  };

  return (
    <section className={styles.phone} aria-label={`Phone of ${phone.name}`}>
      <header className={styles.head}>
        <div>
          <h3>{phone.name}</h3>
          <p>
            {CHANNEL_NAMES[phone.channel]} · <code>{numberOf(phone.address)}</code>
          </p>
        </div>
        <div className={styles.tools}>
          {whatsApp && <PhoneMenu phone={phone} whatsApp={whatsApp} numbers={numbers} />}
          <ActionIcon
            variant="subtle"
            aria-label={`Remove the phone of ${phone.name}`}
            onClick={() => void remove()}
          >
            <RemoveIcon />
          </ActionIcon>
        </div>
      </header>
      {isClosed && (
        <p className={styles.closed}>
          The 24-hour window is closed: only templates reach this phone until it texts again.
        </p>
      )}
      <PhoneTexts phone={phone} several={numbers.length > 1} />
      {whatsApp?.typing && (
        <p className={styles.typing} role="status">
          <span aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          Agent is typing…
        </p>
      )}
      <TextComposer phone={phone} numbers={numbers} />
    </section>
  );
}
