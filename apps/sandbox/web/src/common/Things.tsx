import type { Location } from '../../../src/page/state.js';
import { PersonIcon, PinIcon } from './Icons.js';
import styles from './Files.module.css';

export function Place({ location: { latitude, longitude, label, address } }: { location: Location }) {
  return (
    <p className={styles.card}>
      <PinIcon />
      <span>
        <span className={styles.name}>{label ?? 'Location'}</span>
        {address && <span className={styles.facts}>{address}</span>}
        <span className={styles.facts}>
          {latitude}, {longitude}
        </span>
      </span>
    </p>
  );
}

export function Contact({ contact: { name, phone } }: { contact: { name: string; phone: string } }) {
  return (
    <p className={styles.card}>
      <PersonIcon />
      <span>
        <span className={styles.name}>{name}</span>
        <span className={styles.facts}>{phone}</span>
      </span>
    </p>
  );
}
