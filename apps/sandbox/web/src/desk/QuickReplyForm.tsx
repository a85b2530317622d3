import { TextInput } from '@mantine/core';
import { useState } from 'react';
import type { AgentMessage } from '../api.js';
import { InlineForm } from '../common/InlineForm.js';
import styles from '../common/InlineForm.module.css';
import { quickReplies } from './sample-cards.js';

interface Props {
  send: (message: AgentMessage) => Promise<boolean>;
  close: () => void;
}

/** A question with answers to press; an answer that is empty is left out. */
export function QuickReplyForm({ send, close }: Props) {
  const [text, setText] = useState('Is this your order?');
  const [titles, setTitles] = useState(['Yes', 'No', 'Not sure', '']);

  const submit = () => {
    const given = titles.map((title) => title.trim()).filter(Boolean);
    return send({ text: text.trim(), cards: [quickReplies(given)] });
  };

  return (
    <InlineForm label="Send quick replies" send={submit} close={close}>
      <TextInput
        label="Question"
        size="xs"
        className={styles.wide}
        required
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {titles.map((title, index) => (
        <TextInput
          // They stay in their places.
          key={index}
          label={`Answer ${index + 1}`}
          size="xs"
          required={index === 0}
          value={title}
          onChange={(event) => setTitles(titles.with(index, event.currentTarget.value))}
        />
      ))}
    </InlineForm>
  );
}
