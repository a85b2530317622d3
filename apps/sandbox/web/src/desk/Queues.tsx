import { Button, VisuallyHidden } from '@mantine/core';
import type { DeskConversation, QueueState } from '../../../src/page/state.js';
import { EmptyState } from '../common/Notice.js';
import { ACCEPT_NEXT } from '../focus.js';
import { useLive } from '../live-state.js';
import { Since } from '../time.js';
import { useAccept } from './accept.js';
import { ConversationRow } from './ConversationRow.js';
import { customerName, offeredTo, useActingAgent, waitingIn } from './desk-view.js';
import styles from './Desk.module.css';

/** The queues, the agent's own first, and who waits in them, longest first. */
export function Queues({ shown }: { shown: string | undefined }) {
  const { queues } = useLive('centre');
  const desk = useLive('desk');
  const { agent } = useActingAgent();
  const waiting = waitingIn(desk);
  const next = waiting.find((one) => offeredTo(agent, one));
  const isMine = ({ id }: QueueState) => agent?.queueIds.includes(id) ?? true;
  const inOrder = [...queues.filter(isMine), ...queues.filter((queue) => !isMine(queue))];

  return (
    <>
      {inOrder.map((queue) => {
        const inQueue = waiting.filter(({ queueId }) => queueId === queue.id);
        return (
          <section key={queue.id} aria-labelledby={`queue-${queue.id}`}>
            <h3 id={`queue-${queue.id}`} className={styles.group} data-other={!isMine(queue) || undefined}>
              {queue.name}
              <span>
                {inQueue.length === 0 ? 'nobody waits' : `${inQueue.length} waiting`}
                {!isMine(queue) && ' · not yours'}
              </span>
            </h3>
            <ul>
              {inQueue.map((conversation) => (
                <Waiting
                  key={conversation.id}
                  conversation={conversation}
                  isShown={conversation.id === shown}
                  isNext={conversation === next}
                />
              ))}
            </ul>
          </section>
        );
      })}
      {desk.conversations.length === 0 && (
        <EmptyState title="The desk is quiet">
          When a customer texts, they wait here until an agent accepts them.
        </EmptyState>
      )}
      <VisuallyHidden role="status">{next && `${customerName(next)} waits for an agent`}</VisuallyHidden>
    </>
  );
}

function Waiting(props: { conversation: DeskConversation; isShown: boolean; isNext: boolean }) {
  const { conversation, isShown, isNext } = props;
  const { agent } = useActingAgent();
  const accept = useAccept();
  const why = agent && conversation.notOffered[agent.id];
  const { id, createdAt, queuedAt = createdAt, customer } = conversation;
  return (
    <li className={styles.waiting}>
      <ConversationRow
        conversation={conversation}
        shown={isShown}
        note={
          <>
            {customer.language} · waits <Since at={queuedAt} />
          </>
        }
      />
      {why && <p className={styles.why}>{why}</p>}
      {offeredTo(agent, conversation) && (
        <Button
          size="compact-sm"
          className={styles.accept}
          {...(isNext && { id: ACCEPT_NEXT })}
          onClick={() => void accept(id)}
        >
          Accept<VisuallyHidden>&nbsp;{customerName(conversation)}</VisuallyHidden>
        </Button>
      )}
    </li>
  );
}
