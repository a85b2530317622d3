import { useEffect, useRef, useState, type ReactNode } from 'react';
import { DownIcon } from './Icons.js';
import styles from './ChatLog.module.css';

const NEAR_THE_END_PX = 40;

interface Props {
  label: string;
  /** The newest message: when it changes, the log goes to its end, unless the reader has scrolled up. */
  newest: string | undefined;
  children: ReactNode;
}

/** The messages of a chat, oldest first; it stays at its end. Screen readers hear what is added. */
export function ChatLog({ label, newest, children }: Props) {
  const log = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const lastTop = useRef(0);
  const [unread, setUnread] = useState(false);

  const goToEnd = () => {
    if (log.current) log.current.scrollTop = log.current.scrollHeight;
  };

  useEffect(() => {
    if (atEnd.current) goToEnd();
    else setUnread(true);
  }, [newest]);

  // Its own height changes with the composer below it, and when a narrow screen shows it again.
  useEffect(() => {
    const element = log.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => {
      if (atEnd.current) goToEnd();
    });
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    return () => observer.disconnect();
  }, []);

  const noticeScroll = () => {
    const element = log.current;
    if (!element || element.clientHeight === 0) return;
    const isNear = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_THE_END_PX;
    // A picture that has just loaded makes the end go away from the reader; only who scrolls up leaves it.
    if (isNear || element.scrollTop < lastTop.current) atEnd.current = isNear;
    lastTop.current = element.scrollTop;
    if (atEnd.current) setUnread(false);
  };

  return (
    <div className={styles.frame}>
      <div
        ref={log}
        className={styles.log}
        role="log"
        aria-label={label}
        tabIndex={0}
        onScroll={noticeScroll}
      >
        <div className={styles.messages}>{children}</div>
      </div>
      {unread && (
        <button type="button" className={styles.unread} onClick={goToEnd}>
          <DownIcon /> New messages
        </button>
      )}
    </div>
  );
}
