import { ActionIcon } from '@mantine/core';
import type { DeskConversation } from '../../../src/page/state.js';
import { CloseIcon } from '../common/Icons.js';
import { useLive } from '../live-state.js';
import { useShow } from '../location.js';
import { Time } from '../time.js';
import { ConversationActions } from './ConversationActions.js';
import { CustomerCard } from './CustomerCard.js';
import { customerName, isOver, namesOf, useActingAgent } from './desk-view.js';
import { DeskMessages } from './DeskMessages.js';
import { Outside } from './Outside.js';
import { ReplyBox } from './ReplyBox.js';
import styles from './Conversation.module.css';

/** The conversation that is open at the desk. */
export function Conversation({ conversation }: { conversation: DeskConversation }) {
  const show = useShow();
  const { agents } = useLive('desk');
  const { agent } = useActingAgent();
  const name = customerName(conversation);
  const typing = conversation.typingAgentIds.filter((id) => id !== agent?.id);
  const present =
    agent !== undefined && conversation.agentIds.includes(agent.id) && conversation.state !== 'idle';

  return (
    <section className={styles.conversation} aria-label="Open conversation">
      <header className={styles.head}>
        <div>
          <h3>{name}</h3>
          <p>
            <State conversation={conversation} />
          </p>
        </div>
        {present && <ConversationActions conversation={conversation} agentId={agent.id} />}
        <ActionIcon
          variant="subtle"
          aria-label="Back to all conversations"
          onClick={() => show({ conversation: null })}
        >
          <CloseIcon />
        </ActionIcon>
      </header>
      <CustomerCard conversation={conversation} />
      <DeskMessages conversation={conversation} />
      {typing.length > 0 && <p className={styles.typing}>{namesOf(agents, typing)} types…</p>}
      {present ? (
        <ReplyBox key={agent.id} conversationId={conversation.id} agentId={agent.id} customer={name} />
      ) : (
        <Outside conversation={conversation} />
      )}
    </section>
  );
}

function State({ conversation }: { conversation: DeskConversation }) {
  const { queues } = useLive('centre');
  const { agents } = useLive('desk');
  const { state, waiting, withBot, agentIds, endedAt, queueId, closedBecause } = conversation;
  const queue = queues.find(({ id }) => id === queueId)?.name ?? queueId;
  if (state === 'idle') return <>Ended {endedAt && <Time at={endedAt} />}</>;
  if (isOver(conversation)) return <>Closed by Causeway ({closedBecause})</>;
  if (withBot) return <>With the bot</>;
  if (waiting) return <>Waits in {queue}</>;
  if (agentIds.length > 0) return <>With {namesOf(agents, agentIds)}</>;
  return <>{state === 'created' ? 'Being opened' : 'No agent is here'}</>;
}
