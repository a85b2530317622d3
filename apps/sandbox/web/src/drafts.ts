import { useSyncExternalStore } from 'react';

/** What was typed and not sent yet, by the place it was typed in: it survives looking at something else meanwhile. */
const drafts = new Map<string, string>();
const listeners = new Set<() => void>();

export function setDraft(place: string, text: string): void {
  drafts.set(place, text);
  for (const notify of listeners) notify();
}

/** Puts back a text that could not be sent, in front of what has been typed since. */
export function restoreDraft(place: string, text: string): void {
  const typed = drafts.get(place);
  setDraft(place, typed ? `${text}\n${typed}` : text);
}

export function useDraft(place: string): string {
  return useSyncExternalStore(subscribe, () => drafts.get(place) ?? '');
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
