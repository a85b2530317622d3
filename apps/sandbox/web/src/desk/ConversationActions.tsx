import { Button, NativeSelect, Popover } from '@mantine/core';
import { useState } from 'react';
import type { DeskConversation } from '../../../src/page/state.js';
import { api, attempt } from '../api.js';
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
  const { queues } = useLive('setup');
  const { agents } = useLive('desk');
  const [open, setOpen] = useState(false);
  const [target, setTarget] = useState(`queue ${queues[0]?.id}`);
  const others = agents.filter(({ id }) => id !== agentId);

  const transfer = async () => {
    const [kind, ...rest] = target.split(' ');
    const id = rest.join(' ');
    const to = kind === 'queue' ? { queueId: id } : { toAgentId: id };
    if (await thenGoOn(api.transfer(conversation.id, agentId, to))) setOpen(false);
  };

  return (
    <Popover
      opened={open}
      onChange={setOpen}
      trapFocus
      returnFocus
      withinPortal={false}
      position="bottom-end"
      shadow="md"
    >
      <Popover.Target>
        <Button size="compact-xs" variant="default" onClick={() => setOpen(!open)}>
          Transfer
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Transfer the conversation">
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            void transfer();
          }}
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
          <Button type="submit" size="sm">
            Transfer now
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
