import { Button, VisuallyHidden } from '@mantine/core';
import { EmptyState } from '../common/Notice.js';
import { ACCEPT_NEXT } from '../focus.js';
import { useLive } from '../live-state.js';
import { Since } from '../time.js';
import { useAccept } from './accept.js';
import { ConversationRow } from './ConversationRow.js';
import { customerName, waitingIn } from './desk-view.js';
import styles from './Desk.module.css';

/** The queues, and who waits in them, longest first. */
export function Queues({ shown }: { shown: string | undefined }) {
  const { queues } = useLive('setup');
  const desk = useLive('desk');
  const accept = useAccept();
  const longest = waitingIn(desk)[0];

  return (
    <>
      {queues.map((queue) => {
        const waiting = waitingIn(desk, queue.id);
        return (
          <section key={queue.id} aria-labelledby={`queue-${queue.id}`}>
            <h3 id={`queue-${queue.id}`} className={styles.group}>
              {queue.name}
              <span>{waiting.length === 0 ? 'nobody waits' : `${waiting.length} waiting`}</span>
            </h3>
            <ul>
              {waiting.map((conversation) => (
                <li key={conversation.id} className={styles.waiting}>
                  <ConversationRow
                    conversation={conversation}
                    shown={conversation.id === shown}
                    note={
                      <>
                        waits <Since at={conversation.createdAt} />
                      </>
                    }
                  />
                  <Button
                    size="compact-sm"
                    className={styles.accept}
                    {...(conversation === longest && { id: ACCEPT_NEXT })}
                    onClick={() => void accept(conversation.id)}
                  >
                    Accept<VisuallyHidden>&nbsp;{customerName(conversation)}</VisuallyHidden>
                  </Button>
                </li>
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
      <VisuallyHidden role="status">
        {longest && `${customerName(longest)} waits for an agent`}
      </VisuallyHidden>
    </>
  );
}
