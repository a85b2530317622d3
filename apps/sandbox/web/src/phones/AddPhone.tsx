import { SegmentedControl, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { ChannelId } from '../../../src/page/state.js';
import { api, attempt } from '../api.js';
import { FormPopover } from '../common/FormPopover.js';
import { PlusIcon } from '../common/Icons.js';
import { useShow } from '../location.js';

const CHANNELS = [
  { value: 'sms', label: 'SMS' },
  { value: 'whatsapp', label: 'WhatsApp' },
];

/** A button that opens a small form: another customer's phone. */
export function AddPhone() {
  const show = useShow();
  const [channel, setChannel] = useState<ChannelId>('sms');
  const [name, setName] = useState('');

  const add = async () => {
    const added = await attempt(api.addPhone({ channel, ...(name.trim() && { name: name.trim() }) }));
    if (!added) return false;
    setName('');
    show({ phone: added.value.address });
    return true;
  };

  return (
    <FormPopover
      label="Add a phone"
      button={{ size: 'compact-sm', variant: 'light', leftSection: <PlusIcon />, children: 'Add phone' }}
      submitLabel="Add"
      submit={add}
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
    </FormPopover>
  );
}
