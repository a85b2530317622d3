import type { BridgeAttempt, BridgeMessage, Delivery, Destination } from '../../../src/page/state.js';

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

const KIND_WORDS: Partial<Record<string, string>> = {
  text: 'Text',
  attachments: 'File',
  location: 'Location',
  contact: 'Contact',
  card: 'Card',
  choice: 'Choice',
  template: 'Template',
  note: 'Note',
  reopening: 'Earlier messages',
  handoff: 'Hand-off to the agents',
};

/** A message in one line: its words, else what it is. */
export function wordsOf(message: BridgeMessage): string {
  const { text, kind, files, carries } = message;
  if (carries) return ['Hand-off to the agents', carries.join(', ')].filter(Boolean).join(': ');
  if (isCopyOfBot(message)) return `Copy for the desk: ${text}`;
  return text || contentOf({ kind, files, text }) || 'Message';
}

/** What a bot said to the customer after the agents, for the desk's transcript. */
function isCopyOfBot({ direction, authorType, kind }: BridgeMessage): boolean {
  return direction === 'inbound' && authorType === 'bot' && kind === 'note';
}

/** Whether a bot wrote it, not the customer whose lane it is in. */
export function isOfBot(message: BridgeMessage): boolean {
  return message.carries !== undefined || isCopyOfBot(message);
}

const DESTINATIONS: Record<Destination, string> = {
  desk: 'the desk',
  bot: 'the bot',
  both: 'the bot and the desk',
};

export function placeOf(destination: Destination | undefined): string {
  return DESTINATIONS[destination ?? 'desk'];
}

/** It was done without a call of its own: the opening of its conversation carried it. */
export function neededNoCall({ delivery, attempts }: BridgeMessage): boolean {
  return delivery === 'submitted' && attempts.length === 0;
}

/** What a message is made of: `Picture`, `Text, 2 files`. */
export function contentOf({ kind, files, text }: Pick<BridgeMessage, 'kind' | 'files' | 'text'>): string {
  const named = files.map(fileWord);
  const words = [...new Set(named)].map((word) => {
    const count = named.filter((one) => one === word).length;
    return count === 1 ? word : `${count} ${word.toLowerCase()}s`;
  });
  const isFiles = kind === 'attachments' || kind === 'contact';
  const first = isFiles ? (text ? 'Text' : '') : (KIND_WORDS[kind] ?? 'Unknown');
  if (kind === 'contact') return 'Contact';
  return [first, ...words].filter(Boolean).join(', ') || (KIND_WORDS[kind] ?? '');
}

function fileWord(contentType: string): string {
  const [type] = contentType.split('/');
  if (type === 'image') return 'Picture';
  if (type === 'audio') return 'Recording';
  return type === 'video' ? 'Video' : 'File';
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
