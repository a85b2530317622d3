import { SegmentedControl, useMantineColorScheme, VisuallyHidden } from '@mantine/core';
import type { ReactNode } from 'react';
import { AutoIcon, MoonIcon, SunIcon } from '../common/Icons.js';
import { useShow, useView } from '../location.js';
import styles from './Shell.module.css';

const option = (value: string, name: string, icon: ReactNode) => ({
  value,
  label: (
    <span className={styles.scheme} title={name}>
      {icon}
      <VisuallyHidden>{name}</VisuallyHidden>
    </span>
  ),
});

const OPTIONS = [
  option('light', 'Light', <SunIcon />),
  option('auto', 'As the system', <AutoIcon />),
  option('dark', 'Dark', <MoonIcon />),
];

/** The choice is kept in this browser, and in the address so that a link shows the same. */
export function ThemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { theme } = useView();
  const show = useShow();

  const choose = (value: string) => {
    const chosen = value === 'light' || value === 'dark' ? value : null;
    setColorScheme(chosen ?? 'auto');
    show({ theme: chosen }, { replace: true });
  };

  return (
    <SegmentedControl
      aria-label="Colour theme"
      size="xs"
      data={OPTIONS}
      value={theme ?? colorScheme}
      onChange={choose}
    />
  );
}
