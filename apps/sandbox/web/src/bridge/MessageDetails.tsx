import { Button } from '@mantine/core';
import type { BridgeMessage } from '../../../src/page/state.js';
import { useLive } from '../live-state.js';
import type { Show } from '../location.js';
import { Attempts } from './Attempts.js';
import { contentOf, neededNoCall } from './words.js';
import styles from './MessageDetails.module.css';

/** What is known of a message, and the way to the phone and the conversation that it belongs to. */
export function MessageDetails({ message, show }: { message: BridgeMessage; show: Show }) {
  const phones = useLive('phones');
  const { conversations } = useLive('desk');
  const phone = phones.find(({ address }) => address === message.address);
  const conversation = conversations.find(({ id }) => id === message.conversation?.chatGatewayId);

  return (
    <div className={styles.details}>
      {message.text && <p className={styles.text}>{message.text}</p>}
      {neededNoCall(message) ? (
        <p className={styles.text}>
          The opening of the conversation carried it: it needed no call of its own.
        </p>
      ) : (
        <Attempts attempts={message.attempts} parts={message.parts} />
      )}
      <dl className={styles.facts}>
        <Fact name="Content">{contentOf(message)}</Fact>
        <Fact name="Carries">{message.carries?.join(', ')}</Fact>
        <Fact name="Message">{message.id}</Fact>
        <Fact name="Place in its lane">{message.seq}</Fact>
        <Fact name="Written by">{message.authorType}</Fact>
        {message.conversation && (
          <>
            <Fact name="Conversation">{message.conversation.id}</Fact>
            <Fact name="At the desk">{message.conversation.chatGatewayId}</Fact>
            <Fact name="Its state">
              {[message.conversation.state, message.conversation.closeReason].filter(Boolean).join(': ')}
            </Fact>
          </>
        )}
        <Fact name="Receipt">{message.receipt}</Fact>
        <Fact name="Reason">{message.reason}</Fact>
        <Fact name="Provider’s code">{message.providerCode}</Fact>
      </dl>
      {(phone ?? conversation) && (
        <div className={styles.links}>
          {phone && (
            <Button
              size="compact-xs"
              variant="default"
              onClick={() => show({ phone: phone.address, view: 'phones' })}
            >
              Show the phone
            </Button>
          )}
          {conversation && (
            <Button
              size="compact-xs"
              variant="default"
              onClick={() => show({ conversation: conversation.id, view: 'desk' })}
            >
              Show the conversation
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: string | number | undefined }) {
  if (children === undefined || children === '') return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
