import { ActionIcon } from '@mantine/core';
import type { KeyboardEvent } from 'react';
import { restoreDraft, setDraft, useDraft } from '../drafts.js';
import { SendIcon } from './Icons.js';
import styles from './Composer.module.css';

interface Props {
  id: string;
  label: string;
  placeholder: string;
  sendLabel: string;
  /** Where the draft is kept. */
  place: string;
  by: 'customer' | 'agent';
  /** Whether it was sent; when not, the text comes back. */
  send: (text: string) => Promise<boolean>;
  onTyping?: (text: string) => void;
  onBlur?: () => void;
}

/** Enter sends and keeps the focus; Shift+Enter begins a new line. */
export function Composer({ id, label, placeholder, sendLabel, place, by, send, onTyping, onBlur }: Props) {
  const text = useDraft(place);

  const submit = async () => {
    const sent = text.trim();
    if (!sent) return;
    setDraft(place, '');
    if (!(await send(sent))) restoreDraft(place, sent);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void submit();
  };

  return (
    <form
      className={styles.composer}
      data-by={by}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <textarea
        id={id}
        className={styles.text}
        rows={1}
        aria-label={label}
        placeholder={placeholder}
        value={text}
        onChange={(event) => {
          setDraft(place, event.target.value);
          onTyping?.(event.target.value);
        }}
        onKeyDown={onKeyDown}
        onBlur={onBlur}
      />
      <ActionIcon type="submit" size={36} radius="xl" aria-label={sendLabel} className={styles.send}>
        <SendIcon />
      </ActionIcon>
    </form>
  );
}
