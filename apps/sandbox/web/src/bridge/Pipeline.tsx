import { VisuallyHidden } from '@mantine/core';
import type { BridgeMessage } from '../../../src/page/state.js';
import { stagesOf, type Stage } from './stages.js';
import styles from './Pipeline.module.css';

const IN_WORDS: Record<Stage['tone'], string> = {
  ahead: 'not yet',
  plain: 'waiting',
  busy: 'under way',
  good: 'done',
  warn: 'with trouble',
  bad: 'went wrong',
};

/** A message's way through the bridge, as dots on a line. */
export function Pipeline({ message }: { message: BridgeMessage }) {
  return (
    <ol className={styles.pipeline} aria-label="Stages">
      {stagesOf(message).map(({ name, label, tone }) => (
        <li key={name} className={styles.stage} data-tone={tone}>
          {label}
          <VisuallyHidden>: {IN_WORDS[tone]}</VisuallyHidden>
        </li>
      ))}
    </ol>
  );
}
