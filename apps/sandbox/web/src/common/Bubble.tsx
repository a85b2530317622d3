import type { BridgeLink } from '../../../src/page/state.js';
import { Time } from '../time.js';
import { DuplicateMark, Ticks, type Progress } from './Ticks.js';
import styles from './Bubble.module.css';

interface Props {
  text: string;
  at: string;
  /** Whose colour it has. */
  by: 'customer' | 'agent' | 'bot';
  /** On the right: the person who looks at it wrote it. */
  own: boolean;
  /** Who wrote it, where that is not plain; or which number it came from. */
  caption?: string | undefined;
  /** Said before the conversation began. */
  history?: boolean;
  progress?: Progress | undefined;
  bridge: BridgeLink | undefined;
  /** The bridge shows this one. */
  selected: boolean;
}

export function Bubble({ text, at, by, own, caption, history, progress, bridge, selected }: Props) {
  return (
    <article
      className={styles.bubble}
      data-by={by}
      data-own={own || undefined}
      data-history={history || undefined}
      data-selected={selected || undefined}
    >
      {caption && <p className={styles.caption}>{caption}</p>}
      <p className={styles.text}>{text}</p>
      <footer className={styles.footer}>
        {bridge?.possibleDuplicate && <DuplicateMark />}
        <Time at={at} />
        {progress && <Ticks progress={progress} bridge={bridge} />}
      </footer>
    </article>
  );
}
