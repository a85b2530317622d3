import { useSyncExternalStore } from 'react';

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** Local HH:MM:SS. */
export function Time({ at }: { at: string }) {
  return <time dateTime={at}>{clock.format(new Date(at))}</time>;
}

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

/** The present, once a second: one timer for all who want it. */
function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const notify of listeners) notify();
  }, 1000);
  now = Date.now();
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** `4 s`, `2 min 5 s`, `1 h 3 min`. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `in 4 s`, or `now` once it has passed. */
export function Until({ at }: { at: string }) {
  const left = Date.parse(at) - useNow();
  return <>{left > 500 ? `in ${span(left)}` : 'now'}</>;
}

/** `4 s`: how long ago that was. */
export function Since({ at }: { at: string }) {
  return <>{span(useNow() - Date.parse(at))}</>;
}
