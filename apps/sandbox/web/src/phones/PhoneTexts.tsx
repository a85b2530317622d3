import { ActionIcon } from '@mantine/core';
import { memo } from 'react';
import type { Phone, PhoneMessage } from '../../../src/page/state.js';
import { Bubble } from '../common/Bubble.js';
import { ChatLog } from '../common/ChatLog.js';
import { enclose } from '../common/enclosed.js';
import { Files } from '../common/Files.js';
import { ReplyIcon } from '../common/Icons.js';
import { EmptyState } from '../common/Notice.js';
import { summaryOf } from '../common/summary.js';
import { Contact, Place } from '../common/Things.js';
import { PHONE_COMPOSER } from '../focus.js';
import { useView } from '../location.js';
import { ChoiceButtons } from './ChoiceButtons.js';
import { placeOf } from './place.js';
import { progressOf } from './progress.js';
import { numberOf } from './selection.js';

export const PhoneTexts = memo(function PhoneTexts({ phone, several }: { phone: Phone; several: boolean }) {
  const { message: shown } = useView();
  const { address, messages, name } = phone;
  const mixed = new Set(messages.map(({ number }) => number)).size > 1;
  return (
    <ChatLog label={`Texts on the phone of ${name}`} newest={messages.at(-1)?.id}>
      {messages.length === 0 && (
        <EmptyState title="No texts yet">
          Write as {name} below. An agent will find it at the desk.
        </EmptyState>
      )}
      {messages.map((message, index) => (
        <PhoneBubble
          key={message.id}
          address={address}
          message={message}
          answered={messages.find(({ id }) => id === message.repliedTo)}
          tellNumber={
            (mixed && message.author === 'business') ||
            (several && message.number !== messages[index - 1]?.number)
          }
          selected={message.bridge !== undefined && message.bridge.id === shown}
        />
      ))}
    </ChatLog>
  );
});

interface Props {
  address: string;
  message: PhoneMessage;
  /** The message that it answers. */
  answered: PhoneMessage | undefined;
  tellNumber: boolean;
  selected: boolean;
}

const PhoneBubble = memo(function PhoneBubble({ address, message, answered, tellNumber, selected }: Props) {
  const { author, number, forwarded, location, contact, files, choices } = message;
  const own = author === 'customer';
  const captions = [
    forwarded && 'Forwarded',
    tellNumber && `${own ? 'To' : 'From'} ${numberOf(number)}`,
  ].filter(Boolean);
  return (
    <Bubble
      text={message.text}
      at={message.at}
      by={own ? 'customer' : 'agent'}
      own={own}
      caption={captions.join(' · ')}
      quote={answered && quoteOf(answered)}
      media={
        <>
          {location && <Place location={location} />}
          {contact && <Contact contact={contact} />}
          <Files files={files} />
        </>
      }
      choices={choices && <ChoiceButtons address={address} message={message} choices={choices} />}
      action={address.startsWith('whatsapp:') && !own && <ReplyTo address={address} id={message.id} />}
      progress={progressOf(message)}
      bridge={message.bridge}
      selected={selected}
    />
  );
});

/** Quotes a message above what is written next. */
function ReplyTo({ address, id }: { address: string; id: string }) {
  const reply = () => {
    enclose(placeOf(address), (before) => ({ ...before, repliedTo: id }));
    document.getElementById(PHONE_COMPOSER)?.focus();
  };
  return (
    <ActionIcon
      size={22}
      variant="subtle"
      c="dimmed"
      title="Reply"
      aria-label="Reply to this message"
      onClick={reply}
    >
      <ReplyIcon />
    </ActionIcon>
  );
}

export function quoteOf(message: PhoneMessage): { who: string; text: string } {
  return { who: message.author === 'customer' ? 'You' : 'Business', text: summaryOf(message) };
}
