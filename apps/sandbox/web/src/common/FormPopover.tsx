import { Button, Popover, type ButtonProps } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import styles from './FormPopover.module.css';

interface Props {
  /** Of the form. */
  label: string;
  button: ButtonProps;
  /** Where the button's words say too little. */
  buttonLabel?: string;
  submitLabel: string;
  /** Whether it was done; the form stays open when not. */
  submit: () => Promise<boolean>;
  children: ReactNode;
}

/** A button that opens a small form; `data-autofocus` says which field has the focus first. */
export function FormPopover({ label, button, buttonLabel, submitLabel, submit, children }: Props) {
  const [open, setOpen] = useState(false);
  const onSubmit = async () => {
    if (await submit()) setOpen(false);
  };
  return (
    <Popover
      opened={open}
      onChange={setOpen}
      trapFocus
      returnFocus
      withinPortal={false}
      position="bottom-end"
      shadow="md"
    >
      <Popover.Target>
        <Button {...button} aria-label={buttonLabel} onClick={() => setOpen(!open)} />
      </Popover.Target>
      <Popover.Dropdown aria-label={label}>
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            void onSubmit();
          }}
        >
          {children}
          <Button type="submit" size="sm">
            {submitLabel}
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
