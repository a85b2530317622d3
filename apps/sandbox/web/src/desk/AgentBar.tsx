import { Button, NativeSelect, Popover, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api, attempt } from '../api.js';
import { PlusIcon } from '../common/Icons.js';
import { useLive } from '../live-state.js';
import { useShow } from '../location.js';
import { useActingAgent } from './desk-view.js';
import styles from './Desk.module.css';

/** Who the person at the desk is. */
export function AgentBar() {
  const { agents } = useLive('desk');
  const { agent } = useActingAgent();
  const show = useShow();
  return (
    <div className={styles.agent}>
      <NativeSelect
        aria-label="You are"
        size="xs"
        data={agents.map(({ id, name }) => ({ value: id, label: `You are ${name}` }))}
        value={agent?.id ?? ''}
        onChange={(event) => show({ agent: event.currentTarget.value })}
      />
      <AddAgent />
    </div>
  );
}

function AddAgent() {
  const show = useShow();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState('');

  const add = async () => {
    if (!name.trim()) return;
    const added = await attempt(api.addAgent(name.trim()));
    if (!added) return;
    setOpen(false);
    setName('');
    show({ agent: added.value.id });
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
        <Button size="compact-sm" variant="light" leftSection={<PlusIcon />} onClick={() => setOpen(!open)}>
          Add agent
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Add an agent">
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            void add();
          }}
        >
          <TextInput
            label="Name"
            size="sm"
            required
            data-autofocus
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Button type="submit" size="sm">
            Add
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
