import { Button, Popover, SegmentedControl, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { ChannelId } from '../../../src/page/state.js';
import { api, attempt } from '../api.js';
import { PlusIcon } from '../common/Icons.js';
import { useShow } from '../location.js';
import styles from './Phones.module.css';

const CHANNELS = [
  { value: 'sms', label: 'SMS' },
  { value: 'whatsapp', label: 'WhatsApp' },
];

/** A button that opens a small form: another customer's phone. */
export function AddPhone() {
  const show = useShow();
  const [open, setOpen] = useState(false);
  const [channel, setChannel] = useState<ChannelId>('sms');
  const [name, setName] = useState('');

  const add = async () => {
    const added = await attempt(api.addPhone({ channel, ...(name.trim() && { name: name.trim() }) }));
    if (!added) return;
    setOpen(false);
    setName('');
    show({ phone: added.value.address });
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
          Add phone
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Add a phone">
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            void add();
          }}
        >
          <SegmentedControl
            aria-label="Channel"
            size="xs"
            fullWidth
            data={CHANNELS}
            value={channel}
            onChange={(value) => setChannel(value === 'whatsapp' ? 'whatsapp' : 'sms')}
          />
          <TextInput
            label="Name"
            placeholder="Optional"
            size="sm"
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
