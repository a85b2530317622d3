import { Checkbox, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Agent } from '../../../src/page/state.js';
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

/** What work the agent takes, and where that is changed. */
export function AgentWork({ agent }: { agent: Agent }) {
  const { queues } = useLive('centre');
  const served = queues.filter(({ id }) => agent.queueIds.includes(id)).map(({ name }) => name);
  return (
    <div className={styles.work}>
      <Checkbox
        size="xs"
        label="Available"
        checked={agent.available}
        onChange={(event) =>
          void attempt(api.changeAgent(agent.id, { available: event.currentTarget.checked }))
        }
      />
      <p>
        {served.join(', ') || 'no queue'} · speaks {agent.languages.join(', ') || 'nothing'}
      </p>
      <ChangeWork key={agent.id} agent={agent} />
    </div>
  );
}

function ChangeWork({ agent }: { agent: Agent }) {
  const { queues } = useLive('centre');
  const [queueIds, setQueueIds] = useState(agent.queueIds);
  const [languages, setLanguages] = useState(agent.languages.join(' '));

  const submit = async () => {
    const codes = languages.split(/[\s,]+/).filter(Boolean);
    return (await attempt(api.changeAgent(agent.id, { queueIds, languages: codes }))) !== undefined;
  };

  return (
    <FormPopover
      label={`What ${agent.name} does`}
      button={{ size: 'compact-xs', variant: 'default', children: 'Change' }}
      buttonLabel={`Change what ${agent.name} does`}
      submitLabel="Save"
      submit={submit}
    >
      <Checkbox.Group label="Queues" size="sm" value={queueIds} onChange={setQueueIds}>
        <div className={styles.choices}>
          {queues.map(({ id, name }) => (
            <Checkbox key={id} size="xs" value={id} label={name} />
          ))}
        </div>
      </Checkbox.Group>
      <TextInput
        label="Languages"
        description="Codes, such as en de zh-CN"
        size="sm"
        value={languages}
        onChange={(event) => setLanguages(event.currentTarget.value)}
      />
    </FormPopover>
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
