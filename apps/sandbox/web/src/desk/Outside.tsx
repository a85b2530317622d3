import { Button } from '@mantine/core';
import type { DeskConversation } from '../../../src/page/state.js';
import { useLive } from '../live-state.js';
import { useShow } from '../location.js';
import { useAccept } from './accept.js';
import { isOver, namesOf, useActingAgent } from './desk-view.js';
import styles from './Conversation.module.css';

/** Stands where the reply box would, while the acting agent is not in the conversation. */
export function Outside({ conversation }: { conversation: DeskConversation }) {
  const accept = useAccept();
  const show = useShow();
  const { agents } = useLive('desk');
  const { agent } = useActingAgent();
  const [present] = conversation.agentIds;

  if (isOver(conversation)) {
    return (
      <p className={styles.outside}>This conversation is over. The customer’s next text opens a new one.</p>
    );
  }
  if (conversation.waiting) {
    const why = agent && conversation.notOffered[agent.id];
    return (
      <div className={styles.outside}>
        <p>It waits for an agent. {why}</p>
        {why === undefined && (
          <Button size="sm" onClick={() => void accept(conversation.id)}>
            Accept and reply
          </Button>
        )}
      </div>
    );
  }
  if (conversation.withBot) return <p className={styles.outside}>The bot has this conversation back.</p>;
  if (present === undefined) return <p className={styles.outside}>No agent is in this conversation.</p>;
  const name = namesOf(agents, [present]);
  return (
    <div className={styles.outside}>
      <p>
        {namesOf(agents, conversation.agentIds)} {conversation.agentIds.length > 1 ? 'are' : 'is'} in this
        conversation.
      </p>
      <div className={styles.actions}>
        <Button size="compact-sm" variant="default" onClick={() => void accept(conversation.id)}>
          Join
        </Button>
        <Button size="compact-sm" variant="default" onClick={() => show({ agent: present })}>
          Continue as {name}
        </Button>
      </div>
    </div>
  );
}
