import { ActionIcon } from '@mantine/core';
import type { Phone } from '../../../src/page/state.js';
import { Quote } from '../common/Bubble.js';
import { useEnclosed } from '../common/enclosed.js';
import { CloseIcon } from '../common/Icons.js';
import { placeOf } from './place.js';
import { quoteOf } from './PhoneTexts.js';
import styles from './PhoneScreen.module.css';

/** The message that the next text answers, until it is sent or Escape. */
export function Quoted({ phone, stop }: { phone: Phone; stop: () => void }) {
  const { repliedTo } = useEnclosed(placeOf(phone.address));
  const answered = phone.messages.find(({ id }) => id === repliedTo);
  if (!answered) return null;
  return (
    <div className={styles.quoted} role="group" aria-label="Replies to">
      <Quote {...quoteOf(answered)} />
      <ActionIcon size="sm" variant="subtle" aria-label="Do not reply to it" onClick={stop}>
        <CloseIcon />
      </ActionIcon>
    </div>
  );
}
