import { splitText } from '#core';
import type { Card, Channel, Choice, Interactive, PartContent } from '#core';
import { cutTo, readCards, type Place } from './read-card.js';

/** Longest body of one message, on every channel (error 21617 beyond). */
export const MAX_TEXT_LENGTH = 1600;

/** Whom a message is rendered for: where it goes, and the language of the words that are ours. */
export interface Recipient {
  channel: Channel;
  language?: string;
}

interface Form {
  kind: Interactive['kind'];
  channel: Channel;
  maxChoices: number;
  maxTitle: number;
  /** Where a title that is too long stands in full. */
  maxDescription: number;
}

/**
 * How choices can be pressed: the first form that carries all of them is taken, and none means numbered text. Only forms that
 * need no approval stand here. Sources: https://www.twilio.com/docs/content/twilio-quick-reply,
 * https://www.twilio.com/docs/content/twiliolist-picker
 */
const FORMS: readonly Form[] = [
  { kind: 'quick-reply', channel: 'whatsapp', maxChoices: 3, maxTitle: 20, maxDescription: 0 },
  { kind: 'list', channel: 'whatsapp', maxChoices: 10, maxTitle: 24, maxDescription: 72 },
];
const MAX_BODY = 1_024;
const MAX_ID = 200;
const MAX_LABEL = 256;
/** The Content API would look for a value to put there. */
const VARIABLE = /\{\{/;

interface Words {
  /** Under numbered choices. */
  reply: string;
  /** Over choices that nothing introduces. */
  choose: string;
  /** On what opens a list; 20 characters. */
  open: string;
}

const WORDS: Readonly<Record<string, Words>> = {
  en: { reply: 'Reply with the number of your choice.', choose: 'Please choose:', open: 'Choose' },
  de: { reply: 'Antworten Sie mit der Nummer Ihrer Wahl.', choose: 'Bitte wählen Sie:', open: 'Auswählen' },
  fr: { reply: 'Répondez par le numéro de votre choix.', choose: 'Veuillez choisir :', open: 'Choisir' },
  es: { reply: 'Responda con el número de su elección.', choose: 'Elija una opción:', open: 'Elegir' },
  pt: { reply: 'Responda com o número da sua escolha.', choose: 'Escolha uma opção:', open: 'Escolher' },
  it: { reply: 'Risponda con il numero della Sua scelta.', choose: "Scelga un'opzione:", open: 'Scegliere' },
  nl: { reply: 'Antwoord met het nummer van uw keuze.', choose: 'Maak uw keuze:', open: 'Kiezen' },
};

/**
 * Renders a message with cards: its text, what the cards say, `more` lines under that, and the choices. At least one part, none
 * without a text; choices stand on the last part that is no place.
 */
export function renderCards(
  { text, cards }: { text?: string; cards: readonly Card[] },
  more: readonly string[],
  recipient: Recipient,
): PartContent[] {
  const { lines, choices, places } = readCards(cards);
  const said = lines[0] === text?.trim() ? lines.slice(1) : lines;
  const linked = recipient.channel === 'whatsapp' ? [] : places.map(placeLine);
  const body = [text?.trim() ? text : undefined, ...said, ...linked, ...more].filter(Boolean).join('\n');
  const shown = recipient.channel === 'whatsapp' ? places.map(placePart) : [];
  if (choices.length > 0) return [...offer(body, choices, recipient), ...shown];
  if (body === '' && shown.length > 0) return shown;
  return [...textParts(body || '[card]'), ...shown];
}

/** A text in parts, blank ones left out: Twilio refuses them, and a refused one would fail the whole message. */
export function textParts(text: string): PartContent[] {
  const parts = splitText(text, MAX_TEXT_LENGTH);
  const readable = parts.filter((part) => part.trim() !== '');
  return (readable.length > 0 ? readable : parts.slice(0, 1)).map((part) => ({ text: part }));
}

function offer(body: string, choices: Choice[], { channel, language = 'en' }: Recipient): PartContent[] {
  const spoken = language.slice(0, 2).toLowerCase();
  const known = Object.hasOwn(WORDS, spoken) ? spoken : 'en';
  const words = WORDS[known] as Words;
  const numbered = choices.map(({ title }, index) => `${index + 1}. ${title}`);
  const parts = textParts([body, ...numbered, words.reply].filter(Boolean).join('\n'));
  const interactive =
    parts.length > 1
      ? undefined
      : FORMS.map((form) => fit(form, body || words.choose, choices, channel)).find(Boolean);
  const last: PartContent = {
    ...parts.at(-1),
    choices,
    ...(interactive && {
      interactive: {
        ...interactive,
        language: known,
        ...(interactive.kind === 'list' && { button: words.open }),
      },
    }),
  };
  return [...parts.slice(0, -1), last];
}

/** The choices in this form; undefined where it would not carry each of them whole and apart from the others. */
function fit(
  form: Form,
  body: string,
  choices: Choice[],
  channel: Channel,
): Omit<Interactive, 'language'> | undefined {
  if (form.channel !== channel || choices.length > form.maxChoices || body.length > MAX_BODY)
    return undefined;
  const longest = Math.max(form.maxTitle, form.maxDescription);
  if ([body, ...choices.map(({ title }) => title)].some((text) => VARIABLE.test(text))) return undefined;
  if (choices.some(({ title }) => title.length > longest)) return undefined;
  const titles = choices.map(({ title }) => cutTo(title, form.maxTitle));
  if (new Set(titles.map((title) => title.toLowerCase())).size < titles.length) return undefined;
  const ids = idsOf(choices);
  return {
    kind: form.kind,
    body,
    choices: titles.map((title, index) => {
      const whole = choices[index]?.title ?? title;
      return { id: ids[index] ?? '', title, ...(whole !== title && { description: whole }) };
    }),
  };
}

/** The desk's payload where it can stand as an id, else the choice's number. */
function idsOf(choices: Choice[]): string[] {
  const payloads = choices.map(({ payload = '' }) => payload);
  const fine = payloads.every((one) => one.trim() !== '' && one.length <= MAX_ID && !VARIABLE.test(one));
  const apart = new Set(payloads).size === payloads.length;
  return fine && apart ? payloads : choices.map((_, index) => `c${index + 1}`);
}

function placeLine({ latitude, longitude, label }: Place): string {
  const link = `https://maps.google.com/?q=${latitude},${longitude}`;
  return label === undefined ? link : `${label}: ${link}`;
}

function placePart({ latitude, longitude, label }: Place): PartContent {
  const location = { latitude, longitude, ...(label !== undefined && { label: cutTo(label, MAX_LABEL) }) };
  return { text: location.label ?? `${latitude}, ${longitude}`, location };
}
