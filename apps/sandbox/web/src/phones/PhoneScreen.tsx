import { ActionIcon } from '@mantine/core';
import { memo } from 'react';
import type { Phone } from '../../../src/page/state.js';
import { api, attempt } from '../api.js';
import { Bubble } from '../common/Bubble.js';
import { ChatLog } from '../common/ChatLog.js';
import { RemoveIcon } from '../common/Icons.js';
import { EmptyState } from '../common/Notice.js';
import { useLive } from '../live-state.js';
import { useShow, useView } from '../location.js';
import { progressOf } from './progress.js';
import { CHANNEL_NAMES, numberOf } from './selection.js';
import { TextComposer } from './TextComposer.js';
import styles from './PhoneScreen.module.css';

/** One phone as the customer holds it. */
export function PhoneScreen({ phone }: { phone: Phone }) {
  const show = useShow();
  const { businessNumbers } = useLive('setup');
  const numbers = businessNumbers.filter((number) => number.channel === phone.channel);

  const remove = async () => {
    if (await attempt(api.removePhone(phone.address))) show({ phone: null });
  };

  return (
    <section className={styles.phone} aria-label={`Phone of ${phone.name}`}>
      <header className={styles.head}>
        <div>
          <h3>{phone.name}</h3>
          <p>
            {CHANNEL_NAMES[phone.channel]} · <code>{numberOf(phone.address)}</code>
          </p>
        </div>
        <ActionIcon
          variant="subtle"
          aria-label={`Remove the phone of ${phone.name}`}
          onClick={() => void remove()}
        >
          <RemoveIcon />
        </ActionIcon>
      </header>
      <Texts phone={phone} several={numbers.length > 1} />
      <TextComposer phone={phone} numbers={numbers} />
    </section>
  );
}

const Texts = memo(function Texts({ phone, several }: { phone: Phone; several: boolean }) {
  const { message: shown } = useView();
  return (
    <ChatLog label={`Texts on the phone of ${phone.name}`} newest={phone.messages.at(-1)?.id}>
      {phone.messages.length === 0 && (
        <EmptyState title="No texts yet">
          Write as {phone.name} below. An agent will find it at the desk.
        </EmptyState>
      )}
      {phone.messages.map((message, index) => (
        <PhoneBubble
          key={message.id}
          message={message}
          tellNumber={several && message.number !== phone.messages[index - 1]?.number}
          selected={message.bridge !== undefined && message.bridge.id === shown}
        />
      ))}
    </ChatLog>
  );
});

type Message = Phone['messages'][number];

const PhoneBubble = memo(function PhoneBubble(props: {
  message: Message;
  tellNumber: boolean;
  selected: boolean;
}) {
  const { message, tellNumber, selected } = props;
  const own = message.author === 'customer';
  return (
    <Bubble
      text={message.text}
      at={message.at}
      by={own ? 'customer' : 'agent'}
      own={own}
      caption={tellNumber ? `${own ? 'To' : 'From'} ${numberOf(message.number)}` : undefined}
      progress={progressOf(message)}
      bridge={message.bridge}
      selected={selected}
    />
  );
});
