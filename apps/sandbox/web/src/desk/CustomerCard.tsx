import { useState } from 'react';
import type { CustomerView, DeskConversation } from '../../../src/page/state.js';
import { ChevronIcon } from '../common/Icons.js';
import styles from './Conversation.module.css';

/** Beside name, phone and language, which are always there. */
const FIELDS = [
  { field: 'email', label: 'E-mail' },
  { field: 'company', label: 'Company' },
  { field: 'caseId', label: 'Case' },
  { field: 'userId', label: 'Customer id' },
] as const;

/** What the contact centre knows of the customer; open from the start where somebody has told it something. */
export function CustomerCard({ conversation: { id, customer, number } }: { conversation: DeskConversation }) {
  const [open, setOpen] = useState(() => saysMore(customer));
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
          {' · '}
          <abbr className={styles.language} title="Language">
            {customer.language}
          </abbr>
        </span>
        <button type="button" className={styles.more} aria-expanded={open} onClick={() => setOpen(!open)}>
          Customer card <ChevronIcon />
        </button>
      </p>
      {open && (
        <div className={styles.properties} role="region" aria-label="Customer card" tabIndex={0}>
          <dl>
            {FIELDS.map(({ field, label }) => {
              const value = customer[field];
              return value === undefined ? null : <Property key={field} name={label} value={value} />;
            })}
            {customer.properties.map(({ key, value, ofBridge }) => (
              <Property key={key} name={key} value={value} {...(ofBridge && { ofBridge })} />
            ))}
            <Property name="conversation" value={id} ofBridge />
          </dl>
        </div>
      )}
    </div>
  );
}

function saysMore({ email, company, caseId, userId, properties }: CustomerView): boolean {
  return (
    [email, company, caseId, userId].some((value) => value !== undefined) ||
    properties.some(({ ofBridge }) => !ofBridge)
  );
}

/** Names and values as they were given, spaces and all. */
function Property({ name, value, ofBridge }: { name: string; value: string; ofBridge?: true }) {
  return (
    <div data-dim={ofBridge}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
