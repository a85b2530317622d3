import { useState, type ReactNode } from 'react';
import type { DeskConversation } from '../../../src/page/state.js';
import { ChevronIcon } from '../common/Icons.js';
import { useLive } from '../live-state.js';
import { Time } from '../time.js';
import { ConversationRow } from './ConversationRow.js';
import { groupFor, namesOf, useActingAgent } from './desk-view.js';
import styles from './Desk.module.css';

/** The conversations that are not waiting: the agent's own, those of others and of the bot, and those that have ended. */
export function ConversationLists({ shown }: { shown: string | undefined }) {
  const desk = useLive('desk');
  const { agent } = useActingAgent();
  const { mine, others, withBot, ended } = groupFor(agent, desk);

  return (
    <>
      <section aria-labelledby="mine-heading">
        <h3 id="mine-heading" className={styles.group}>
          My conversations <span>{mine.length}</span>
        </h3>
        <List conversations={mine} shown={shown} />
      </section>
      {others.length > 0 && (
        <Folded heading="With other agents" count={others.length}>
          <List
            conversations={others}
            shown={shown}
            note={({ agentIds }) => (agentIds.length === 0 ? 'nobody' : namesOf(desk.agents, agentIds))}
          />
        </Folded>
      )}
      {withBot.length > 0 && (
        <Folded heading="With the bot" count={withBot.length}>
          <List conversations={withBot} shown={shown} />
        </Folded>
      )}
      {ended.length > 0 && (
        <Folded heading="Recently ended" count={ended.length}>
          <List
            conversations={ended}
            shown={shown}
            note={({ endedAt }) => endedAt && <Time at={endedAt} />}
          />
        </Folded>
      )}
    </>
  );
}

interface ListProps {
  conversations: DeskConversation[];
  shown: string | undefined;
  note?: (conversation: DeskConversation) => ReactNode;
}

function List({ conversations, shown, note }: ListProps) {
  return (
    <ul>
      {conversations.map((conversation) => (
        <li key={conversation.id}>
          <ConversationRow
            conversation={conversation}
            shown={conversation.id === shown}
            note={note?.(conversation)}
          />
        </li>
      ))}
    </ul>
  );
}

function Folded({ heading, count, children }: { heading: string; count: number; children: ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <section aria-label={heading}>
      <h3 className={styles.group}>
        <button type="button" className={styles.fold} aria-expanded={open} onClick={() => setOpen(!open)}>
          {heading} <span>{count}</span>
          <ChevronIcon />
        </button>
      </h3>
      {open && children}
    </section>
  );
}
