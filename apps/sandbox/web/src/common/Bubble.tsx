import type { ReactNode } from 'react';
import type { BridgeLink } from '../../../src/page/state.js';
import { Time } from '../time.js';
import { DuplicateMark, Ticks, type Progress } from './Ticks.js';
import styles from './Bubble.module.css';

interface Props {
  /** Empty where it has none. */
  text: string;
  at: string;
  /** Whose colour it has. */
  by: 'customer' | 'agent' | 'bot';
  /** On the right: the person who looks at it wrote it. */
  own: boolean;
  /** Who wrote it, where that is not plain; or which number it came from. */
  caption?: string | undefined;
  /** The message that it answers. */
  quote?: { who: string; text: string } | undefined;
  /** What it has beside its text, above it. */
  media?: ReactNode;
  /** What can be pressed below it. */
  choices?: ReactNode;
  /** What can be done with it. */
  action?: ReactNode;
  /** Said before the conversation began. */
  history?: boolean;
  progress?: Progress | undefined;
  bridge: BridgeLink | undefined;
  /** The bridge shows this one. */
  selected: boolean;
}

export function Bubble(props: Props) {
  const { text, at, by, own, caption, quote, media, choices, action, history, progress, bridge, selected } =
    props;
  return (
    <article
      className={styles.bubble}
      data-by={by}
      data-own={own || undefined}
      data-history={history || undefined}
      data-selected={selected || undefined}
    >
      {caption && <p className={styles.caption}>{caption}</p>}
      {quote && <Quote {...quote} />}
      {media}
      {text && <p className={styles.text}>{text}</p>}
      <footer className={styles.footer}>
        {bridge?.possibleDuplicate && <DuplicateMark />}
        {action}
        <Time at={at} />
        {progress && <Ticks progress={progress} bridge={bridge} />}
      </footer>
      {choices}
    </article>
  );
}

export function Quote({ who, text }: { who: string; text: string }) {
  return (
    <blockquote className={styles.quote}>
      <p className={styles.caption}>{who}</p>
      <p className={styles.quoted}>{text}</p>
    </blockquote>
  );
}
