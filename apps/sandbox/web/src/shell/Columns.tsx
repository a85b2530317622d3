import { memo } from 'react';
import { Bridge } from '../bridge/Bridge.js';
import { Desk } from '../desk/Desk.js';
import { COLUMNS, useView, type Column } from '../location.js';
import { Phones } from '../phones/Phones.js';
import { ColumnTabs, panelId, tabId } from './ColumnTabs.js';
import { useNarrow } from './places.js';
import styles from './Shell.module.css';

const CONTENTS = { phones: memo(Phones), bridge: memo(Bridge), desk: memo(Desk) };
export const COLUMN_NAMES: Record<Column, string> = {
  phones: 'Phones',
  bridge: 'The bridge',
  desk: 'Agent desk',
};

/** Side by side; on a narrow screen one at a time, behind tabs. */
export function Columns() {
  const narrow = useNarrow();
  const { view } = useView();
  return (
    <main className={styles.main}>
      {narrow && <ColumnTabs selected={view} />}
      <div className={styles.columns}>
        {COLUMNS.map((column) => {
          const Content = CONTENTS[column];
          return (
            <section
              key={column}
              id={panelId(column)}
              className={styles.column}
              data-column={column}
              hidden={narrow && view !== column}
              {...(narrow
                ? { role: 'tabpanel', 'aria-labelledby': tabId(column) }
                : { 'aria-label': COLUMN_NAMES[column] })}
            >
              <Content />
            </section>
          );
        })}
      </div>
    </main>
  );
}
