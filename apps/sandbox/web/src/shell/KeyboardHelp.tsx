import { ActionIcon, Kbd, Popover } from '@mantine/core';
import { useState } from 'react';
import { KeyboardIcon } from '../common/Icons.js';
import { SHORTCUTS } from './shortcuts.js';
import styles from './Shell.module.css';

export function KeyboardHelp() {
  const [open, setOpen] = useState(false);
  return (
    <Popover opened={open} onChange={setOpen} withinPortal={false} position="bottom-end" shadow="md">
      <Popover.Target>
        <ActionIcon size={32} variant="default" aria-label="Keyboard" onClick={() => setOpen(!open)}>
          <KeyboardIcon />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown aria-label="Keyboard">
        <dl className={styles.keys}>
          {SHORTCUTS.map(({ key, does }) => (
            <div key={key}>
              <dt>
                <Kbd>Alt</Kbd> <Kbd>{key}</Kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
          <div>
            <dt>
              <Kbd>Enter</Kbd>
            </dt>
            <dd>Send; with Shift a new line</dd>
          </div>
        </dl>
      </Popover.Dropdown>
    </Popover>
  );
}
