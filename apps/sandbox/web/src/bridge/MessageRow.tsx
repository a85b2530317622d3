import { VisuallyHidden } from '@mantine/core';
import { memo, useEffect, useRef } from 'react';
import type { BridgeMessage } from '../../../src/page/state.js';
import { LeftIcon, RightIcon } from '../common/Icons.js';
import { DuplicateMark } from '../common/Ticks.js';
import type { Show } from '../location.js';
import { Time, Until } from '../time.js';
import { Badge } from './Badge.js';
import { MessageDetails } from './MessageDetails.js';
import { Pipeline } from './Pipeline.js';
import { deliveryWord, isOfBot, placeOf, wordsOf } from './words.js';
import styles from './MessageRow.module.css';

interface Props {
  message: BridgeMessage;
  /** The customer. */
  who: string;
  selected: boolean;
  show: Show;
}

/** One message of the bridge; selected, it shows everything that is known of it. */
export const MessageRow = memo(function MessageRow({ message, who, selected, show }: Props) {
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (selected) row.current?.scrollIntoView({ block: 'nearest' });
  }, [selected]);

  const { word, tone } = deliveryWord(message.delivery);
  const { destination } = message;
  const inbound = message.direction === 'inbound';
  const toBot = destination === 'bot' || destination === 'both';
  return (
    <li
      ref={row}
      className={styles.row}
      data-direction={message.direction}
      data-selected={selected || undefined}
    >
      <button
        type="button"
        className={styles.summary}
        aria-expanded={selected}
        onClick={() => show({ message: selected ? null : message.id })}
      >
        <span className={styles.direction}>
          {inbound ? <RightIcon /> : <LeftIcon />}
          <VisuallyHidden>{inbound ? `To ${placeOf(destination)}:` : 'To the phone:'}</VisuallyHidden>
        </span>
        <span className={styles.who}>{isOfBot(message) ? `Bot · ${who}` : who}</span>
        <span className={styles.text}>{wordsOf(message)}</span>
        {toBot && (
          <span className={styles.to} aria-hidden="true">
            to {placeOf(destination)}
          </span>
        )}
        {message.possibleDuplicate && <DuplicateMark />}
        <span className={styles.time}>
          <Time at={message.acceptedAt} />
        </span>
        <Badge tone={tone}>{word}</Badge>
      </button>
      <Pipeline message={message} />
      {message.waits && (
        <p className={styles.waits}>
          {message.waits.why}
          {message.waits.until && (
            <>
              {' '}
              · <Until at={message.waits.until} />
            </>
          )}
        </p>
      )}
      {message.delivery === 'failed' && (message.explanation ?? message.reason) && (
        <p className={styles.reason}>{message.explanation ?? message.reason}</p>
      )}
      {selected && <MessageDetails message={message} show={show} />}
    </li>
  );
});
