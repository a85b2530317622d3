import { NativeSelect } from '@mantine/core';
import { useState } from 'react';
import type { BusinessNumber, Phone } from '../../../src/page/state.js';
import { api, attempt, type CustomerMessage } from '../api.js';
import { Composer } from '../common/Composer.js';
import { enclose, takeEnclosed, useEnclosed } from '../common/enclosed.js';
import { EnclosedFiles } from '../common/EnclosedFiles.js';
import { setDraft } from '../drafts.js';
import { PHONE_COMPOSER } from '../focus.js';
import { ContactForm } from './ContactForm.js';
import { LocationForm } from './LocationForm.js';
import { PhoneAttach } from './PhoneAttach.js';
import { placeOf } from './place.js';
import { Quoted } from './Quoted.js';
import { samplesFor } from './samples.js';
import { numberOf } from './selection.js';
import styles from './PhoneScreen.module.css';

/** Where the customer writes, and to which of the business's numbers. */
export function TextComposer({ phone, numbers }: { phone: Phone; numbers: BusinessNumber[] }) {
  const [chosen, setChosen] = useState<string>();
  const [form, setForm] = useState<'location' | 'contact'>();
  const to = chosen ?? numbers[0]?.address;
  const place = placeOf(phone.address);
  const { files } = useEnclosed(place);

  const post = async (message: CustomerMessage) =>
    (await attempt(api.sendText(phone.address, { ...message, ...(to && { to }) }))) !== undefined;

  const send = async (body: string) => {
    const taken = takeEnclosed(place);
    const { files: media, repliedTo } = taken;
    const sent = await post({ body, ...(media.length > 0 && { media }), ...(repliedTo && { repliedTo }) });
    if (!sent) enclose(place, (since) => ({ ...taken, files: [...media, ...since.files] }));
    return sent;
  };

  const quoteNothing = () => enclose(place, (before) => ({ ...before, repliedTo: undefined }));
  const focus = () => document.getElementById(PHONE_COMPOSER)?.focus();
  const fillIn = (text: string) => {
    setDraft(place, text);
    focus();
  };
  const closeForm = () => {
    setForm(undefined);
    focus();
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
          {samplesFor(phone.channel).map(({ label, text }) => (
            <button key={label} type="button" className={styles.sample} onClick={() => fillIn(text)}>
              {label}
            </button>
          ))}
        </div>
      </div>
      <Quoted phone={phone} stop={quoteNothing} />
      <EnclosedFiles place={place} />
      {form === 'location' && <LocationForm send={(location) => post({ location })} close={closeForm} />}
      {form === 'contact' && <ContactForm send={(contact) => post({ contact })} close={closeForm} />}
      <Composer
        id={PHONE_COMPOSER}
        label={`Text from ${phone.name}`}
        placeholder="Text the business"
        sendLabel="Send text"
        place={place}
        by="customer"
        start={<PhoneAttach phone={phone} place={place} fill={setForm} />}
        ready={files.length > 0}
        send={send}
        onEscape={quoteNothing}
      />
    </div>
  );
}
