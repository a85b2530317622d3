import { EmptyState, Notice } from '../common/Notice.js';
import { useLive } from '../live-state.js';
import { useShow } from '../location.js';
import { AddPhone } from './AddPhone.js';
import { PhoneList } from './PhoneList.js';
import { PhoneScreen } from './PhoneScreen.js';
import { useSelectedPhone } from './selection.js';
import styles from './Phones.module.css';

/** The customers' side: their phones, and the one that is in hand. */
export function Phones() {
  const phones = useLive('phones');
  const { phone, missing } = useSelectedPhone();
  const show = useShow();

  return (
    <div className={styles.column}>
      <div className={styles.head}>
        <h2 id="phones-heading" tabIndex={-1}>
          Phones
        </h2>
        <AddPhone />
      </div>
      {missing && (
        <Notice action={{ label: 'Show the first phone', run: () => show({ phone: null }) }}>
          The link names a phone that is not there: <code>{missing}</code>
        </Notice>
      )}
      {phones.length > 0 && <PhoneList phones={phones} selected={phone?.address} />}
      {phone && <PhoneScreen key={phone.address} phone={phone} />}
      {phones.length === 0 && (
        <div className={styles.blank}>
          <EmptyState title="No phones yet">
            Add one, and text the business as a customer would. What you write arrives at the agent desk on
            the other side.
          </EmptyState>
        </div>
      )}
    </div>
  );
}
