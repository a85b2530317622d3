import { Button } from '@mantine/core';
import { useEffect, useEffectEvent, useRef, type ReactNode } from 'react';
import styles from './InlineForm.module.css';

interface Props {
  label: string;
  /** Whether it was done; the form stays open when not. */
  send: () => Promise<boolean>;
  /** Done, or given up by its button or Escape. */
  close: () => void;
  children: ReactNode;
}

/** A small form above a composer; its first field has the focus. */
export function InlineForm({ label, send, close, children }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.key === 'Escape') close();
  });
  useEffect(() => {
    const element = form.current;
    const listen = (event: KeyboardEvent) => onKey(event);
    element?.addEventListener('keydown', listen);
    element?.querySelector('input')?.focus();
    return () => element?.removeEventListener('keydown', listen);
  }, []);

  const submit = async () => {
    if (await send()) close();
  };

  return (
    <form
      ref={form}
      className={styles.form}
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div className={styles.fields}>{children}</div>
      <div className={styles.buttons}>
        <Button size="compact-sm" variant="default" onClick={close}>
          Cancel
        </Button>
        <Button size="compact-sm" type="submit">
          Send
        </Button>
      </div>
    </form>
  );
}
