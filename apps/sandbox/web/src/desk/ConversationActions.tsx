import { Button, NativeSelect } from '@mantine/core';
import { useState } from 'react';
import type { DeskConversation } from '../../../src/page/state.js';
import { api, attempt } from '../api.js';
import { FormPopover } from '../common/FormPopover.js';
import { ACCEPT_NEXT, DESK_HEADING, focusFirst } from '../focus.js';
import { useLive } from '../live-state.js';
import styles from './Conversation.module.css';

interface Props {
  conversation: DeskConversation;
  agentId: string;
}

export function ConversationActions({ conversation, agentId }: Props) {
  return (
    <div className={styles.actions}>
      <Transfer conversation={conversation} agentId={agentId} />
      <Button
        size="compact-xs"
        variant="default"
        onClick={() => void thenGoOn(api.leave(conversation.id, agentId))}
      >
        Leave
      </Button>
      <Button
        size="compact-xs"
        variant="default"
        onClick={() => void thenGoOn(api.end(conversation.id, agentId))}
      >
        End
      </Button>
    </div>
  );
}

/** These buttons go with what they did: the focus goes to who waits next, else to the desk. */
async function thenGoOn(action: Promise<DeskConversation>): Promise<boolean> {
  const done = (await attempt(action)) !== undefined;
  if (done) focusFirst(ACCEPT_NEXT, DESK_HEADING);
  return done;
}

/** To a queue, whichever agent accepts next; or straight to another agent. */
function Transfer({ conversation, agentId }: Props) {
  const { queues } = useLive('centre');
  const { agents } = useLive('desk');
  const [target, setTarget] = useState(`queue ${queues[0]?.id}`);
  const others = agents.filter(({ id }) => id !== agentId);

  const transfer = async () => {
    const [kind, ...rest] = target.split(' ');
    const id = rest.join(' ');
    const to = kind === 'queue' ? { queueId: id } : { toAgentId: id };
    return thenGoOn(api.transfer(conversation.id, agentId, to));
  };

  return (
    <FormPopover
      label="Transfer the conversation"
      button={{ size: 'compact-xs', variant: 'default', children: 'Transfer' }}
      submitLabel="Transfer now"
      submit={transfer}
    >
      <NativeSelect
        label="Transfer to"
        size="sm"
        data-autofocus
        value={target}
        onChange={(event) => setTarget(event.currentTarget.value)}
        data={[
          {
            group: 'Queues',
            items: queues.map(({ id, name }) => ({ value: `queue ${id}`, label: name })),
          },
          {
            group: 'Agents',
            items: others.map(({ id, name }) => ({ value: `agent ${id}`, label: name })),
          },
        ]}
      />
    </FormPopover>
  );
}
