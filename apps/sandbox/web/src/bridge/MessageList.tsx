import { SegmentedControl } from '@mantine/core';
import { Fragment } from 'react';
import type { BridgeMessage, Phone } from '../../../src/page/state.js';
import { EmptyState, Notice } from '../common/Notice.js';
import { useLive } from '../live-state.js';
import { FILTERS, useShow, useView, type Filter } from '../location.js';
import { numberOf, useSelectedPhone } from '../phones/selection.js';
import { MessageRow } from './MessageRow.js';
import { Welcome } from './Welcome.js';
import { isFinished } from './words.js';
import styles from './Bridge.module.css';

const FILTER_NAMES: Record<Filter, string> = {
  all: 'All',
  phone: 'This phone',
  unfinished: 'Not at their end',
};

const NOTHING: Record<Filter, string> = {
  all: 'Nothing has crossed yet',
  phone: 'Nothing has crossed for this phone',
  unfinished: 'Every message is at its end',
};

/** The bridge's messages as they come, newest first. */
export function MessageList() {
  const { messages, trouble, waiting } = useLive('bridge');
  const phones = useLive('phones');
  const { startedAt } = useLive('setup');
  const { phone } = useSelectedPhone();
  const { message: selected, filter } = useView();
  const show = useShow();

  const shown = messages.filter((message) => matches(message, filter, phone?.address));
  const firstOld = shown.findIndex(({ acceptedAt }) => acceptedAt < startedAt);
  const missing = selected !== null && !messages.some(({ id }) => id === selected);

  return (
    <section className={styles.messages} aria-labelledby="messages-heading">
      <div className={styles.filters}>
        <h3 id="messages-heading">
          Messages{' '}
          <span className={styles.count}>{waiting === 0 ? 'all at their end' : `${waiting} under way`}</span>
        </h3>
        <SegmentedControl
          aria-label="Which messages"
          size="xs"
          data={FILTERS.map((value) => ({ value, label: FILTER_NAMES[value] }))}
          value={filter}
          onChange={(value) => show({ filter: FILTERS.find((known) => known === value) ?? 'all' })}
        />
      </div>
      {trouble && <Notice>{trouble}</Notice>}
      {missing && (
        <Notice action={{ label: 'Close', run: () => show({ message: null }) }}>
          The link names a message that is not among the last {messages.length}: <code>{selected}</code>
        </Notice>
      )}
      {messages.length === 0 && <Welcome />}
      {messages.length > 0 && shown.length === 0 && (
        <EmptyState title={NOTHING[filter]}>Choose “All” to see the others.</EmptyState>
      )}
      {shown.length > 0 && (
        <ol className={styles.rows}>
          {shown.map((message, index) => (
            <Fragment key={message.id}>
              {index === firstOld && (
                <li className={styles.before}>
                  From before this start: the simulated phones and the desk have forgotten them
                </li>
              )}
              <MessageRow
                message={message}
                who={customerOf(message, phones)}
                selected={message.id === selected}
                show={show}
              />
            </Fragment>
          ))}
        </ol>
      )}
    </section>
  );
}

function matches(message: BridgeMessage, filter: Filter, address: string | undefined): boolean {
  if (filter === 'all') return true;
  return filter === 'phone' ? message.address === address : !isFinished(message);
}

/** By the name that Causeway knows, else the phone's here: an SMS tells no name. */
function customerOf({ customerName, address }: BridgeMessage, phones: Phone[]): string {
  if (customerName) return customerName;
  if (!address) return 'Unknown customer';
  return phones.find((phone) => phone.address === address)?.name || numberOf(address);
}
