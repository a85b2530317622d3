import type { BridgeAttempt, BridgeMessage, Delivery } from '../../../src/page/state.js';

export type Tone = 'plain' | 'good' | 'busy' | 'warn' | 'bad';

const DELIVERIES: Record<Delivery, { word: string; tone: Tone }> = {
  open: { word: 'Waiting', tone: 'plain' },
  sending: { word: 'Sending', tone: 'busy' },
  uncertain: { word: 'Uncertain', tone: 'warn' },
  submitted: { word: 'Submitted', tone: 'good' },
  held: { word: 'Held', tone: 'warn' },
  failed: { word: 'Failed', tone: 'bad' },
};

export function deliveryWord(delivery: Delivery): { word: string; tone: Tone } {
  return DELIVERIES[delivery];
}

/** At its end: nothing more will be done with it unless an operator asks for it. */
export function isFinished({ delivery }: BridgeMessage): boolean {
  return delivery === 'submitted' || delivery === 'failed';
}

export function outcomeTone(outcome: string): Tone {
  if (outcome === 'submitted') return 'good';
  if (outcome === 'sending') return 'busy';
  return outcome === 'uncertain' || outcome === 'not-sent' || outcome === 'held' ? 'warn' : 'bad';
}

/** `340 ms`, `6.0 s`, or nothing while it runs. */
export function durationOf({ startedAt, endedAt }: BridgeAttempt): string | undefined {
  if (!endedAt) return undefined;
  const milliseconds = Date.parse(endedAt) - Date.parse(startedAt);
  return milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
