import { useSyncExternalStore } from 'react';
import type { OutgoingFile } from './files.js';

/** What goes with the text that is being written: files, and the message that it answers. */
export interface Enclosed {
  files: OutgoingFile[];
  /** A message's id. */
  repliedTo?: string | undefined;
}

const NOTHING: Enclosed = { files: [] };

/** By the place it waits in, beside the drafts: it survives looking at something else meanwhile. */
const enclosed = new Map<string, Enclosed>();
const listeners = new Set<() => void>();

export function enclose(place: string, change: (before: Enclosed) => Enclosed): void {
  enclosed.set(place, change(enclosed.get(place) ?? NOTHING));
  for (const notify of listeners) notify();
}

export function addFiles(place: string, files: OutgoingFile[]): void {
  enclose(place, (before) => ({ ...before, files: [...before.files, ...files] }));
}

/** Takes what is there, for it is being sent. */
export function takeEnclosed(place: string): Enclosed {
  const taken = enclosed.get(place) ?? NOTHING;
  enclose(place, () => NOTHING);
  return taken;
}

export function useEnclosed(place: string): Enclosed {
  return useSyncExternalStore(subscribe, () => enclosed.get(place) ?? NOTHING);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
