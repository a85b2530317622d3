import type { ReactNode } from 'react';
import type { Tone } from './words.js';
import styles from './Badge.module.css';

export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={styles.badge} data-tone={tone}>
      {children}
    </span>
  );
}
