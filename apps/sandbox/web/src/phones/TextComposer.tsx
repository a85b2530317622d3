import { NativeSelect } from '@mantine/core';
import { useState } from 'react';
import type { BusinessNumber, Phone } from '../../../src/page/state.js';
import { api, attempt } from '../api.js';
import { Composer } from '../common/Composer.js';
import { setDraft } from '../drafts.js';
import { PHONE_COMPOSER } from '../focus.js';
import { numberOf } from './selection.js';
import styles from './PhoneScreen.module.css';

const SAMPLES = [
  { label: 'Hello', text: 'Hello, is anyone there?' },
  {
    label: 'Long text',
    text: Array.from(
      { length: 12 },
      (_, index) =>
        `${index + 1}. My order 4711 has not arrived, and the tracking page has shown nothing new for days.`,
    ).join(' '),
  },
  { label: 'Emoji', text: 'Thank you so much! 🎉👩‍👩‍👧‍👦🇨🇭 Zoë says hi 👋🏽' },
];

/** Where the customer writes, and to which of the business's numbers. */
export function TextComposer({ phone, numbers }: { phone: Phone; numbers: BusinessNumber[] }) {
  const [chosen, setChosen] = useState<string>();
  const to = chosen ?? numbers[0]?.address;
  const place = `phone ${phone.address}`;

  const send = async (body: string) => {
    const sent = await attempt(api.sendText(phone.address, { body, ...(to && { to }) }));
    return sent !== undefined;
  };

  const fillIn = (text: string) => {
    setDraft(place, text);
    document.getElementById(PHONE_COMPOSER)?.focus();
  };

  return (
    <div className={styles.composer}>
      <div className={styles.options}>
        {numbers.length > 1 ? (
          <NativeSelect
            aria-label="Business number"
            size="xs"
            value={to ?? ''}
            onChange={(event) => setChosen(event.currentTarget.value)}
            data={numbers.map(({ address }) => ({ value: address, label: `To ${numberOf(address)}` }))}
          />
        ) : (
          <p className={styles.to}>
            To <code>{to ? numberOf(to) : 'no number on this channel'}</code>
          </p>
        )}
        <div className={styles.samples} role="group" aria-label="Fill in a sample text">
          {SAMPLES.map(({ label, text }) => (
            <button key={label} type="button" className={styles.sample} onClick={() => fillIn(text)}>
              {label}
            </button>
          ))}
        </div>
      </div>
      <Composer
        id={PHONE_COMPOSER}
        label={`Text from ${phone.name}`}
        placeholder="Text the business"
        sendLabel="Send text"
        place={place}
        by="customer"
        send={send}
      />
    </div>
  );
}
