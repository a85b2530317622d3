import { useState } from 'react';
import type { DeskConversation } from '../../../src/page/state.js';
import { ChevronIcon } from '../common/Icons.js';
import styles from './Conversation.module.css';

/** What the contact centre knows of the customer. */
export function CustomerCard({ conversation: { id, customer, number } }: { conversation: DeskConversation }) {
  const [open, setOpen] = useState(false);
  return (
    <div className={styles.card}>
      <p>
        <span>
          <code>{customer.phone ?? 'no phone number'}</code>
          {number && (
            <>
              {' to '}
              <code>{number}</code>
            </>
          )}
        </span>
        <button type="button" className={styles.more} aria-expanded={open} onClick={() => setOpen(!open)}>
          Customer card <ChevronIcon />
        </button>
      </p>
      {open && (
        <dl>
          <dt>Conversation</dt>
          <dd>{id}</dd>
          {number && <Property name="Texted to" value={number} />}
          {customer.properties.map(({ key, value }) => (
            <Property key={key} name={key} value={value} />
          ))}
        </dl>
      )}
    </div>
  );
}

function Property({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
