import { useSyncExternalStore } from 'react';
import type { SandboxState, Section } from '../../src/page/state.js';
import { reuse } from './reuse.js';

/** Whether `GET /api/events` is open. */
export type Connection = 'connecting' | 'open' | 'lost';

const SECTIONS: readonly Section[] = [
  'setup',
  'phones',
  'desk',
  'centre',
  'bridge',
  'providers',
  'machine',
  'storm',
];
const RECONNECT_MS = 2000;

/** The sections that have arrived so far. */
let received: Partial<SandboxState> = {};
let connection: Connection = 'connecting';
const listeners = new Set<() => void>();

/** Follows the server's events for as long as the page lives. */
export function follow(): void {
  const source = new EventSource('/api/events');
  source.addEventListener('open', () => setConnection('open'));
  source.addEventListener('error', () => {
    setConnection('lost');
    // While CONNECTING it tries again by itself; an answer other than 200 closes it for good.
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, RECONNECT_MS);
  });
  for (const section of SECTIONS) {
    source.addEventListener(section, (event: MessageEvent<string>) =>
      receive(section, JSON.parse(event.data)),
    );
  }
}

function receive(section: Section, data: unknown): void {
  const next = reuse(received[section], data);
  if (section in received && Object.is(next, received[section])) return;
  received = { ...received, [section]: next };
  for (const notify of listeners) notify();
}

function setConnection(next: Connection): void {
  connection = next;
  for (const notify of listeners) notify();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** One section of the state; only below the place where {@link useLoaded} is true. */
export function useLive<S extends Section>(section: S): SandboxState[S] {
  const data = useSyncExternalStore(subscribe, () => received[section]);
  if (data === undefined) throw new Error(`The section ${section} has not arrived.`);
  return data;
}

export function useLoaded(): boolean {
  return useSyncExternalStore(subscribe, () => SECTIONS.every((section) => section in received));
}

export function useConnection(): Connection {
  return useSyncExternalStore(subscribe, () => connection);
}
