import { memo } from 'react';
import type { Phone } from '../../../src/page/state.js';
import { useShow, type Show } from '../location.js';
import { CHANNEL_NAMES, numberOf } from './selection.js';
import styles from './Phones.module.css';

export function PhoneList({ phones, selected }: { phones: Phone[]; selected: string | undefined }) {
  const show = useShow();
  return (
    <ul className={styles.list} aria-label="All phones">
      {phones.map((phone) => (
        <PhoneItem key={phone.address} phone={phone} selected={phone.address === selected} show={show} />
      ))}
    </ul>
  );
}

const PhoneItem = memo(function PhoneItem({
  phone,
  selected,
  show,
}: {
  phone: Phone;
  selected: boolean;
  show: Show;
}) {
  return (
    <li>
      <button
        type="button"
        className={styles.item}
        aria-current={selected || undefined}
        title={numberOf(phone.address)}
        onClick={() => show({ phone: phone.address })}
      >
        <span>{phone.name}</span>
        <span className={styles.channel}>{CHANNEL_NAMES[phone.channel]}</span>
      </button>
    </li>
  );
});
