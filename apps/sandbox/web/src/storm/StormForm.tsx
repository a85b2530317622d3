import { Button, Checkbox, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api, attempt } from '../api.js';
import styles from './Storm.module.css';

export function StormForm({ again }: { again: boolean }) {
  const [customers, setCustomers] = useState('12');
  const [texts, setTexts] = useState('10');
  const [faults, setFaults] = useState(true);
  const [starting, setStarting] = useState(false);

  const start = async () => {
    setStarting(true);
    await attempt(api.startStorm({ customers: Number(customers), texts: Number(texts), faults }));
    setStarting(false);
  };

  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <TextInput
        label="Customers"
        size="xs"
        inputMode="numeric"
        className={styles.count}
        value={customers}
        onChange={(event) => setCustomers(event.currentTarget.value)}
      />
      <TextInput
        label="Texts each way"
        size="xs"
        inputMode="numeric"
        className={styles.count}
        value={texts}
        onChange={(event) => setTexts(event.currentTarget.value)}
      />
      <Checkbox
        size="xs"
        label="With faults"
        className={styles.faults}
        checked={faults}
        onChange={(event) => setFaults(event.currentTarget.checked)}
      />
      <Button type="submit" size="sm" loading={starting}>
        {again ? 'Storm again' : 'Start storm'}
      </Button>
    </form>
  );
}
