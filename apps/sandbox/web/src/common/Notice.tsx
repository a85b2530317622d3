import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import styles from './Notice.module.css';

/** Tells that something is amiss, and offers the way on. */
export function Notice({
  children,
  action,
}: {
  children: ReactNode;
  action?: { label: string; run: () => void };
}) {
  return (
    <div className={styles.notice}>
      <p>{children}</p>
      {action && (
        <Button size="compact-xs" variant="default" onClick={action.run}>
          {action.label}
        </Button>
      )}
    </div>
  );
}

/** What stands where nothing is yet. */
export function EmptyState({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className={styles.empty}>
      <p className={styles.title}>{title}</p>
      <p>{children}</p>
    </div>
  );
}
