import { VisuallyHidden } from '@mantine/core';
import type { BridgeLink } from '../../../src/page/state.js';
import { useShow } from '../location.js';
import { ClockIcon, TickIcon, TicksIcon, WarningIcon } from './Icons.js';
import styles from './Ticks.module.css';

/** How far a message has come, as phones show it. */
export interface Progress {
  sign: 'clock' | 'tick' | 'ticks' | 'read' | 'held' | 'warning';
  /** The sign in words. */
  words: string;
}

const ICONS = {
  clock: ClockIcon,
  tick: TickIcon,
  ticks: TicksIcon,
  read: TicksIcon,
  held: ClockIcon,
  warning: WarningIcon,
};
const SPELLED_OUT: ReadonlySet<Progress['sign']> = new Set(['held', 'warning']);

/** The sign of a message's progress; a warning is spelled out, and why it is held. Once the bridge has the message it leads there. */
export function Ticks({ progress, bridge }: { progress: Progress; bridge: BridgeLink | undefined }) {
  const show = useShow();
  const Icon = ICONS[progress.sign];
  const content = (
    <>
      <Icon />
      {SPELLED_OUT.has(progress.sign) ? progress.words : <VisuallyHidden>{progress.words}</VisuallyHidden>}
    </>
  );
  if (!bridge) {
    return (
      <span className={styles.ticks} data-sign={progress.sign} title={progress.words}>
        {content}
      </span>
    );
  }
  return (
    <button
      type="button"
      className={styles.ticks}
      data-sign={progress.sign}
      title={`${progress.words}. Show it in the bridge.`}
      onClick={() => show({ message: bridge.id, view: 'bridge', filter: 'all' })}
    >
      {content}
      <VisuallyHidden>. Show it in the bridge.</VisuallyHidden>
    </button>
  );
}

/** Nothing is wrong with what waits for opening hours; with others an operator has to do something. */
export function heldProgress({ reason }: BridgeLink): Progress {
  return { sign: 'held', words: reason === 'closed-hours' ? 'Held until opening hours' : 'Held' };
}

export function DuplicateMark() {
  return (
    <span
      className={styles.duplicate}
      title="It had to be sent again without knowing whether the first time worked."
    >
      possible duplicate
    </span>
  );
}
