import { NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api, attempt } from '../api.js';
import { FormPopover } from '../common/FormPopover.js';
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
  const [name, setName] = useState('');

  const add = async () => {
    if (!name.trim()) return false;
    const added = await attempt(api.addAgent(name.trim()));
    if (!added) return false;
    setName('');
    show({ agent: added.value.id });
    return true;
  };

  return (
    <FormPopover
      label="Add an agent"
      button={{ size: 'compact-sm', variant: 'light', leftSection: <PlusIcon />, children: 'Add agent' }}
      submitLabel="Add"
      submit={add}
    >
      <TextInput
        label="Name"
        size="sm"
        required
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
    </FormPopover>
  );
}
