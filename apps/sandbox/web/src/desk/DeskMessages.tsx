import { Fragment, memo } from 'react';
import type { Agent, DeskConversation, DeskMessageView } from '../../../src/page/state.js';
import { Bubble } from '../common/Bubble.js';
import { ChatLog } from '../common/ChatLog.js';
import { Files } from '../common/Files.js';
import { EmptyState } from '../common/Notice.js';
import { useLive } from '../live-state.js';
import { useView } from '../location.js';
import { Time } from '../time.js';
import { Cards } from './Cards.js';
import { customerName, namesOf } from './desk-view.js';
import { progressOf } from './progress.js';
import styles from './Conversation.module.css';

export const DeskMessages = memo(function DeskMessages({ conversation }: { conversation: DeskConversation }) {
  const { agents } = useLive('desk');
  const { message: shown } = useView();
  const { messages, readUntil } = conversation;
  const history = messages.filter((message) => message.history);
  const since = messages.filter((message) => !message.history);
  const read = readUntil && messages.findLast(({ author, at }) => author === 'agent' && at <= readUntil);
  return (
    <ChatLog label={`Conversation with ${customerName(conversation)}`} newest={messages.at(-1)?.id}>
      {messages.length === 0 && (
        <EmptyState title="Nothing said yet">
          The customer’s text is on its way to this conversation.
        </EmptyState>
      )}
      {history.length > 0 && (
        <>
          <section className={styles.history} aria-labelledby={`history-${conversation.id}`}>
            <h4 id={`history-${conversation.id}`}>Said before this conversation</h4>
            {history.map((message) => (
              <DeskBubble key={message.id} message={message} agents={agents} selected={false} />
            ))}
          </section>
          <p className={styles.begins}>The conversation begins</p>
        </>
      )}
      {since.map((message) => (
        <Fragment key={message.id}>
          <DeskBubble
            message={message}
            agents={agents}
            selected={message.bridge !== undefined && message.bridge.id === shown}
          />
          {message === read && readUntil && (
            <p className={styles.read}>
              Read <Time at={readUntil} />
            </p>
          )}
        </Fragment>
      ))}
    </ChatLog>
  );
});

const DeskBubble = memo(function DeskBubble(props: {
  message: DeskMessageView;
  agents: Agent[];
  selected: boolean;
}) {
  const { message, agents, selected } = props;
  return (
    <Bubble
      text={message.cards.length > 0 ? '' : message.text}
      at={message.at}
      by={message.author}
      own={message.author === 'agent' && !message.history}
      caption={captionOf(message, agents)}
      media={
        <>
          <Files files={message.files} />
          {message.text !== '' && message.cards.length > 0 && (
            <p className={styles.question}>{message.text}</p>
          )}
          <Cards cards={message.cards} />
        </>
      }
      history={message.history}
      progress={progressOf(message)}
      bridge={message.bridge}
      selected={selected}
    />
  );
});

function captionOf({ author, agentId, history }: DeskMessageView, agents: Agent[]): string | undefined {
  if (author === 'bot') return 'Bot';
  if (author === 'customer') return history ? 'Customer' : undefined;
  return agentId && namesOf(agents, [agentId]);
}
