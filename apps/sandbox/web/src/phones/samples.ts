import type { ChannelId } from '../../../src/page/state.js';

const LONG = Array.from(
  { length: 12 },
  (_, index) =>
    `${index + 1}. My order 4711 has not arrived, and the tracking page has shown nothing new for days.`,
).join(' ');

const SAMPLES = [
  { label: 'Hello', text: 'Hello, is anyone there?' },
  { label: 'Long text', text: LONG },
  { label: 'Emoji', text: 'Thank you so much! 🎉👩‍👩‍👧‍👦🇨🇭 Zoë says hi 👋🏽' },
];

/** What Twilio takes as a command. */
const KEYWORDS = ['STOP', 'START'].map((word) => ({ label: word, text: word }));

/** Texts to be filled in. */
export function samplesFor(channel: ChannelId): { label: string; text: string }[] {
  return channel === 'sms' ? [...SAMPLES, ...KEYWORDS] : SAMPLES;
}
