import { TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Location } from '../../../src/page/state.js';
import { InlineForm } from '../common/InlineForm.js';
import styles from '../common/InlineForm.module.css';

interface Props {
  send: (location: Location) => Promise<boolean>;
  close: () => void;
}

/** Where the customer is; filled in with a place that exists. */
export function LocationForm({ send, close }: Props) {
  const [label, setLabel] = useState('Zürich main station');
  const [latitude, setLatitude] = useState('47.3779');
  const [longitude, setLongitude] = useState('8.5403');

  const submit = () =>
    send({
      latitude: Number(latitude),
      longitude: Number(longitude),
      ...(label.trim() && { label: label.trim() }),
    });

  return (
    <InlineForm label="Send a location" send={submit} close={close}>
      <TextInput
        label="Name"
        size="xs"
        className={styles.wide}
        value={label}
        onChange={(event) => setLabel(event.currentTarget.value)}
      />
      <TextInput
        label="Latitude"
        size="xs"
        inputMode="decimal"
        required
        value={latitude}
        onChange={(event) => setLatitude(event.currentTarget.value)}
      />
      <TextInput
        label="Longitude"
        size="xs"
        inputMode="decimal"
        required
        value={longitude}
        onChange={(event) => setLongitude(event.currentTarget.value)}
      />
    </InlineForm>
  );
}
