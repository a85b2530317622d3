import { memo, type ReactNode } from 'react';
import type { DeskConversation } from '../../../src/page/state.js';
import { summaryOf } from '../common/summary.js';
import { useShow } from '../location.js';
import { customerName } from './desk-view.js';
import styles from './Desk.module.css';

interface Props {
  conversation: DeskConversation;
  shown: boolean;
  note?: ReactNode;
}

/** A conversation in a list: whose it is, and what was said last. */
export const ConversationRow = memo(function ConversationRow({ conversation, shown, note }: Props) {
  const show = useShow();
  const { messages, waiting } = conversation;
  // Who waits is known by what they want, not by what a bot answered.
  const last = (waiting && messages.findLast(({ author }) => author === 'customer')) || messages.at(-1);
  return (
    <button
      type="button"
      className={styles.row}
      aria-current={shown || undefined}
      onClick={() => show({ conversation: shown ? null : conversation.id })}
    >
      <span className={styles.name}>{customerName(conversation)}</span>
      {note && <span className={styles.note}>{note}</span>}
      <span className={styles.last}>{last && summaryOf(last)}</span>
    </button>
  );
});
