import { ActionIcon } from '@mantine/core';
import type { KeyboardEvent, ReactNode } from 'react';
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
  /** Stands before the text. */
  start?: ReactNode;
  /** There is something to send beside the text. */
  ready?: boolean;
  /** Whether it was sent; when not, the text comes back. */
  send: (text: string) => Promise<boolean>;
  onTyping?: (text: string) => void;
  onEscape?: () => void;
  onBlur?: () => void;
}

/** Enter sends and keeps the focus; Shift+Enter begins a new line. */
export function Composer(props: Props) {
  const { id, label, placeholder, sendLabel, place, by, start, ready, send, onTyping, onEscape, onBlur } =
    props;
  const text = useDraft(place);

  const submit = async () => {
    const sent = text.trim();
    if (!sent && !ready) return;
    setDraft(place, '');
    if (!(await send(sent)) && sent) restoreDraft(place, sent);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onEscape?.();
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
      {start}
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
