import { useState } from 'react';
import type { ChoiceOption, Choices, PhoneMessage } from '../../../src/page/state.js';
import { api, attempt } from '../api.js';
import { ListIcon, ReplyIcon } from '../common/Icons.js';
import styles from './ChoiceButtons.module.css';

interface Props {
  address: string;
  message: PhoneMessage;
  choices: Choices;
}

/** What WhatsApp lets the customer press below a message: buttons, or a list behind one. */
export function ChoiceButtons({ address, message, choices: { kind, opener, options } }: Props) {
  const [open, setOpen] = useState(false);
  const press = (option: ChoiceOption) => void attempt(api.sendText(address, answer(kind, option, message)));

  if (kind === 'buttons') return <Options options={options} press={press} />;
  return (
    <div className={styles.choices}>
      <button type="button" className={styles.choice} aria-expanded={open} onClick={() => setOpen(!open)}>
        <ListIcon /> {opener ?? 'Choose'}
      </button>
      {open && (
        <Options
          options={options}
          press={(option) => {
            setOpen(false);
            press(option);
          }}
        />
      )}
    </div>
  );
}

function Options({ options, press }: { options: ChoiceOption[]; press: (option: ChoiceOption) => void }) {
  return (
    <ul className={styles.choices}>
      {options.map((option) => (
        <li key={option.id}>
          {option.link ? (
            <a className={styles.choice} href={option.link} target="_blank" rel="noreferrer">
              {option.title}
            </a>
          ) : (
            <button type="button" className={styles.choice} onClick={() => press(option)}>
              <ReplyIcon />
              <span>
                {option.title}
                {option.description && <span className={styles.description}>{option.description}</span>}
              </span>
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function answer(
  kind: Choices['kind'],
  { id, title, description }: ChoiceOption,
  { id: repliedTo, number }: PhoneMessage,
) {
  const shared = { repliedTo, to: number };
  return kind === 'buttons'
    ? { ...shared, button: { text: title, payload: id } }
    : { ...shared, listReply: { id, title, ...(description && { description }) } };
}
