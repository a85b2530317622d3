import { useRef } from 'react';
import type { FileView } from '../../../src/page/state.js';
import styles from './Files.module.css';

/** A picture that fits its bubble; pressed, it fills the window until it is pressed again, or Escape. */
export function Picture({ file: { url, name } }: { file: FileView }) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button
        type="button"
        className={styles.thumb}
        title="Show it large"
        onClick={() => dialog.current?.showModal()}
      >
        <img src={url} alt={name} />
      </button>
      <dialog ref={dialog} className={styles.large} aria-label={name}>
        <button type="button" title="Close" onClick={() => dialog.current?.close()}>
          <img src={url} alt={name} loading="lazy" />
        </button>
      </dialog>
    </>
  );
}
