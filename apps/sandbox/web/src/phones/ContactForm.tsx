import { TextInput } from '@mantine/core';
import { useState } from 'react';
import { InlineForm } from '../common/InlineForm.js';

interface Props {
  send: (contact: { name: string; phone: string }) => Promise<boolean>;
  close: () => void;
}

/** Somebody's card; it travels as a vCard. */
export function ContactForm({ send, close }: Props) {
  const [name, setName] = useState('Zoë Keller');
  const [phone, setPhone] = useState('+41791234567');
  return (
    <InlineForm label="Send a contact" send={() => send({ name, phone })} close={close}>
      <TextInput
        label="Name"
        size="xs"
        required
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        label="Phone"
        size="xs"
        type="tel"
        required
        value={phone}
        onChange={(event) => setPhone(event.currentTarget.value)}
      />
    </InlineForm>
  );
}
