import { NativeSelect, TextInput, VisuallyHidden } from '@mantine/core';
import { useState } from 'react';
import type { QueueFigures, QueueState } from '../../../src/page/state.js';
import { api, attempt } from '../api.js';
import { FormPopover } from '../common/FormPopover.js';
import { ChevronIcon, PlusIcon } from '../common/Icons.js';
import { useLive } from '../live-state.js';
import { useShow, useView } from '../location.js';
import { span } from '../time.js';
import styles from './CentrePanel.module.css';

const STATUSES = [
  { value: '0', label: 'Open' },
  { value: '-1', label: 'Closed' },
  ...[1, 2, 3, 4, 5, 6].map((choice) => ({ value: String(choice), label: `Choice ${choice}` })),
];
const FIGURES: { name: keyof QueueFigures; label: string; column: string; shown: (n: number) => string }[] = [
  { name: 'waiting', label: 'Waiting', column: 'Waiting', shown: String },
  { name: 'longestWaitSeconds', label: 'Longest wait, seconds', column: 'Longest', shown: inTime },
  { name: 'averageWaitSeconds', label: 'Average wait, seconds', column: 'Average', shown: inTime },
  { name: 'eligibleAgents', label: 'Eligible agents', column: 'Agents', shown: String },
];

function inTime(seconds: number): string {
  return span(seconds * 1000);
}

/** Hours and queues, and what the contact centre says of them. */
export function CentrePanel() {
  const { queues, schedules } = useLive('centre');
  const { panel } = useView();
  const show = useShow();
  const open = panel === 'centre';
  const closed = schedules.filter(({ status }) => status !== 0).length;

  return (
    <section className={styles.centre} aria-labelledby="centre-heading">
      <h3 id="centre-heading">
        <button type="button" aria-expanded={open} onClick={() => show({ panel: open ? null : 'centre' })}>
          Hours and queues
          <span>
            {queues.length} queues{closed > 0 && `, ${closed} of ${schedules.length} schedules not open`}
          </span>
          <ChevronIcon />
        </button>
      </h3>
      {open && (
        <div className={styles.body}>
          <Hours />
          <Figures />
        </div>
      )}
    </section>
  );
}

function Hours() {
  const { schedules } = useLive('centre');
  return (
    <div className={styles.hours}>
      {schedules.map(({ id, status }) => (
        <NativeSelect
          key={id}
          label={`Schedule ${id}`}
          size="xs"
          data={STATUSES}
          value={String(status)}
          onChange={(event) => void attempt(api.setSchedule(id, Number(event.currentTarget.value)))}
        />
      ))}
      <AddNamed
        what="schedule"
        add={async (name) => (await attempt(api.setSchedule(name, 0))) !== undefined}
      />
    </div>
  );
}

function Figures() {
  const { queues } = useLive('centre');
  return (
    <div className={styles.figures}>
      <table>
        <thead>
          <tr>
            <th scope="col">Queue</th>
            {FIGURES.map(({ name, column }) => (
              <th key={name} scope="col">
                {column}
              </th>
            ))}
            <th scope="col">
              <VisuallyHidden>Set</VisuallyHidden>
            </th>
          </tr>
        </thead>
        <tbody>
          {queues.map((queue) => (
            <tr key={queue.id}>
              <th scope="row">
                {queue.name} <code>{queue.id}</code>
              </th>
              {FIGURES.map(({ name, shown }) => (
                <td key={name} data-set={queue.set[name] !== undefined || undefined}>
                  {shown(queue.statistics[name])}
                </td>
              ))}
              <td>
                <SetFigures queue={queue} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <AddNamed what="queue" add={async (name) => (await attempt(api.addQueue(name))) !== undefined} />
    </div>
  );
}

/** A field that is empty leaves its figure to what is so. */
function SetFigures({ queue }: { queue: QueueState }) {
  const [fields, setFields] = useState<Partial<Record<keyof QueueFigures, string>>>({});
  const valueOf = (name: keyof QueueFigures) => fields[name] ?? String(queue.set[name] ?? '');

  const submit = async () => {
    const given = FIGURES.flatMap(({ name }) => {
      const value = valueOf(name).trim();
      return value === '' ? [] : [[name, Number(value)] as const];
    });
    const done = (await attempt(api.setStatistics(queue.id, Object.fromEntries(given)))) !== undefined;
    if (done) setFields({});
    return done;
  };

  return (
    <FormPopover
      label={`Figures of ${queue.name}`}
      button={{ size: 'compact-xs', variant: 'default', children: 'Set' }}
      buttonLabel={`Set the figures of ${queue.name}`}
      submitLabel="Give these out"
      submit={submit}
    >
      {FIGURES.map(({ name, label }, index) => (
        <TextInput
          key={name}
          label={label}
          size="xs"
          inputMode="numeric"
          placeholder="as it is"
          {...(index === 0 && { 'data-autofocus': true })}
          value={valueOf(name)}
          onChange={(event) => {
            const { value } = event.currentTarget;
            setFields((before) => ({ ...before, [name]: value }));
          }}
        />
      ))}
    </FormPopover>
  );
}

function AddNamed({ what, add }: { what: string; add: (name: string) => Promise<boolean> }) {
  const [name, setName] = useState('');
  const submit = async () => {
    if (!name.trim() || !(await add(name.trim()))) return false;
    setName('');
    return true;
  };
  return (
    <FormPopover
      label={`Add a ${what}`}
      button={{
        size: 'compact-xs',
        variant: 'light',
        leftSection: <PlusIcon />,
        children: `Add ${what}`,
      }}
      submitLabel="Add"
      submit={submit}
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
