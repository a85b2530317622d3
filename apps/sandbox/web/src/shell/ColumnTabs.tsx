import type { KeyboardEvent } from 'react';
import { waitingIn } from '../desk/desk-view.js';
import { useLive } from '../live-state.js';
import { COLUMNS, useShow, type Column } from '../location.js';
import styles from './Shell.module.css';

export const panelId = (column: Column) => `column-${column}`;
export const tabId = (column: Column) => `tab-${column}`;

const STEPS: Partial<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1 };

export function ColumnTabs({ selected }: { selected: Column }) {
  const show = useShow();
  const waiting = waitingIn(useLive('desk')).length;
  const underWay = useLive('bridge').waiting;
  const tabs: Record<Column, { name: string; count: number; counted: string }> = {
    phones: { name: 'Phones', count: 0, counted: '' },
    bridge: { name: 'Bridge', count: underWay, counted: 'under way' },
    desk: { name: 'Agent desk', count: waiting, counted: 'waiting' },
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    const next = COLUMNS.at((COLUMNS.indexOf(selected) + step) % COLUMNS.length);
    if (!next) return;
    show({ view: next });
    document.getElementById(tabId(next))?.focus();
  };

  return (
    <div role="tablist" aria-label="Columns" className={styles.tabs}>
      {COLUMNS.map((column) => {
        const { name, count, counted } = tabs[column];
        return (
          <button
            key={column}
            id={tabId(column)}
            type="button"
            role="tab"
            aria-selected={column === selected}
            aria-controls={panelId(column)}
            tabIndex={column === selected ? 0 : -1}
            onClick={() => show({ view: column })}
            onKeyDown={onKeyDown}
          >
            {name}
            {count > 0 && (
              <span>
                {count} {counted}
              </span>
            )}
          </button>
        );
      })}
    </div>
  );
}
