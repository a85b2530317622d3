import { Notice } from '../common/Notice.js';
import { DESK_HEADING } from '../focus.js';
import { useLive } from '../live-state.js';
import { useShow, useView } from '../location.js';
import { AgentBar, AgentWork } from './AgentBar.js';
import { CentrePanel } from './CentrePanel.js';
import { Conversation } from './Conversation.js';
import { ConversationLists } from './ConversationLists.js';
import { useActingAgent } from './desk-view.js';
import { Queues } from './Queues.js';
import styles from './Desk.module.css';

/** The contact centre's side: what an agent sees. */
export function Desk() {
  const { conversations } = useLive('desk');
  const { agent, missing: missingAgent } = useActingAgent();
  const { conversation: id } = useView();
  const show = useShow();
  const conversation = conversations.find((one) => one.id === id);

  return (
    <div className={styles.column}>
      <div className={styles.head}>
        <h2 id={DESK_HEADING} tabIndex={-1}>
          Agent desk
        </h2>
        <AgentBar />
        {agent && <AgentWork agent={agent} />}
      </div>
      {missingAgent && (
        <Notice action={{ label: 'Be the first agent', run: () => show({ agent: null }) }}>
          The link names an agent who is not there: <code>{missingAgent}</code>
        </Notice>
      )}
      {id && !conversation && (
        <Notice action={{ label: 'Close', run: () => show({ conversation: null }) }}>
          The link names a conversation that is not there, or no longer: <code>{id}</code>
        </Notice>
      )}
      <div className={styles.around} data-alone={conversation === undefined}>
        <CentrePanel />
      </div>
      <div className={styles.lists} data-alone={conversation === undefined}>
        <Queues shown={conversation?.id} />
        <ConversationLists shown={conversation?.id} />
      </div>
      {conversation && <Conversation key={conversation.id} conversation={conversation} />}
    </div>
  );
}
