import type { HoldReason } from '../delivery-error.js';

/** What can be done about one of a provider's answers. */
export interface Remedy {
  /** A sentence, to whoever does it. */
  text: string;
  by: 'agent' | 'operator';
}

/** What an adapter can say of its provider, in sentences for operators. */
export interface ProviderWords {
  /** As operators call the provider. */
  name: string;
  /** What our own short name for one of its answers means; undefined for one that is not the adapter's. */
  reason(code: string): string | undefined;
  /** What the provider's own code means; undefined for an unknown one. */
  providerCode(code: string): string | undefined;
  /** What can be done, by either kind of code; undefined where nothing can. Absent: never anything. */
  remedy?(code: string): Remedy | undefined;
}

/** Reasons that delivery itself writes, beside the reasons of holds and the codes of errors. */
export type OwnReason =
  | 'too-old'
  | 'media-refused'
  | 'media-expired'
  | 'media-store'
  | 'attachment-not-found'
  | 'outcome-unknown'
  | 'unknown-template'
  | 'template-command'
  | 'window-closed'
  | 'template-not-approved'
  | 'look-up-failed'
  | 'media-not-fetched'
  | 'reported-by-provider'
  | 'own-failure'
  | 'discarded';

/** Why a message is held or has failed where the reason is ours: what it means, then what is to be done. */
export const OWN_REASONS: Readonly<Record<HoldReason | OwnReason, string>> = {
  window:
    "WhatsApp takes answers only within 24 hours of the customer's last message: it goes out when they write again.",
  'closed-hours':
    'It is outside the opening hours of its queue: it goes on by itself soon after they begin, or at once when they are taken off the number (settings.openingHours).',
  unconfigured: 'Its business number is not configured: it goes on once that is done (POST /api/v1/numbers).',
  configuration:
    'Something has to be repaired at the provider or at the number. It is tried again every five minutes, and at once when the number is changed, its lane is resumed or it is replayed.',
  paused: 'An operator has paused it: it goes on when its lane is resumed.',
  credentials:
    'The provider refuses our credentials. Nothing is lost: it is tried again now and then until they are repaired.',
  uncertain:
    'Nobody can tell whether the provider took it, and UNCERTAIN_POLICY is hold. See whether it arrived: then discard it, or replay it, which may double it.',
  'reopening-limit':
    'Conversations of its thread were found gone again and again. Look at the channel and the queue in the contact centre, then resume its lane.',
  quarantine:
    'It was set aside, and its lane went on: our own code failed over it, or nobody could tell who wrote it. Look for its id in the log, then replay or discard it.',
  'no-conversation':
    'This note found no open conversation: it is given to the next one as history. Nothing is to be done.',
  'too-old': 'It was tried until it was older than allowed. Replay it if it is still wanted, or discard it.',
  'media-refused':
    'It held nothing but files that cannot be carried; the agent has been told which, and why. Sending another file is the remedy.',
  'media-expired': 'Its files are not kept any more (MEDIA_KEEP_DAYS). The agent has to send them again.',
  'media-store':
    'The media store or its secret could not be read or written. It is tried again by itself: see that MEDIA_DIR is writable and shared, or that the bucket can be reached.',
  'attachment-not-found':
    'The Chat Gateway does not have a file of it yet. It is tried again by itself, for ten minutes; then the rest goes out.',
  'outcome-unknown':
    'It became older than allowed while nobody could tell whether the provider took it. A replay looks that up again before anything is repeated.',
  'look-up-failed':
    'Whether the provider took it could not be looked up so far. That is tried again, and nothing is repeated until then.',
  'media-not-fetched':
    "A file of the customer's cannot be had from the channel's provider now. It is tried again by itself; after ten minutes the text goes without it.",
  'reported-by-provider':
    'The provider took it, and reported later that it did not arrive. Replay or discard it.',
  'own-failure': 'Our own code failed over it. It is tried a few times more, then set aside.',
  'unknown-template':
    "Its command names no template. The names are those of the number's settings; an HX… sid works without one.",
  'template-not-approved':
    'WhatsApp took the template for a free text, more than 24 hours after the customer last wrote: it is not approved. Have it approved, then replay it.',
  'template-command': 'Its command could not be read. It is /template <name> 1=Monday 2="at nine".',
  'window-closed':
    "It is a text of the number's that came more than 24 hours after the customer last wrote, when WhatsApp takes templates only. Nothing is to be done.",
  discarded: 'An operator has discarded it. A replay takes that back.',
};

/** How calls break off, whoever is called. */
export const CALL_REASONS: Readonly<Record<string, string>> = {
  dns: 'The name of its host could not be resolved.',
  'connect-refused': 'A connection to it could not be opened.',
  'connect-timeout': 'A connection to it did not open in time.',
  tls: 'No secure connection to it could be made.',
  'connection-lost': 'The connection to it broke off.',
  deadline: 'It did not answer in time.',
  'response-too-large': 'Its answer was too large.',
  'invalid-response': 'Its answer was not HTTP.',
  stopped: 'The call was stopped by us before it was finished.',
};

/** What becomes of a message whose reason is an error's code. */
const NEXT = {
  failed: 'Replay it once that has changed, or discard it.',
  held: 'It waits for that to be repaired.',
  open: 'It is tried again by itself.',
  uncertain: 'Whether the provider has it is found out before anything is repeated.',
} as const;

export interface Explained {
  delivery: 'open' | 'sending' | 'uncertain' | 'submitted' | 'held' | 'failed';
  reason?: string | null;
  providerCode?: string | null;
  /** Of the last attempt. */
  errorCode?: string | null;
}

/** Why a message is held, failed, uncertain or tried again, and what is to be done; undefined where there is nothing to explain. */
export function explain(message: Explained, words: ProviderWords): string | undefined {
  const { delivery, reason } = message;
  if (delivery === 'submitted' || delivery === 'sending') return undefined;
  if (!reason) return delivery === 'uncertain' ? NEXT.uncertain : undefined;
  const own: string | undefined = Object.hasOwn(OWN_REASONS, reason)
    ? OWN_REASONS[reason as keyof typeof OWN_REASONS]
    : undefined;
  const code = own === undefined ? reason : message.errorCode;
  return [cause(message, code, words), remedy(message, code, words), own ?? NEXT[delivery]]
    .filter(Boolean)
    .join(' ');
}

/** Nothing is to be done about what is tried again by itself. */
function remedy(
  { delivery, providerCode }: Explained,
  code: string | null | undefined,
  words: ProviderWords,
): string | undefined {
  const about = providerCode ?? code;
  return about && (delivery === 'failed' || delivery === 'held') ? words.remedy?.(about)?.text : undefined;
}

function cause(
  { providerCode }: Explained,
  code: string | null | undefined,
  words: ProviderWords,
): string | undefined {
  const said = (text: string) => `${words.name}: ${text}`;
  if (providerCode) {
    const known = words.providerCode(providerCode) ?? (code && words.reason(code));
    return said(`${known ?? 'A code that our table lacks.'} (${providerCode})`);
  }
  if (!code) return undefined;
  const known = words.reason(code) ?? (Object.hasOwn(CALL_REASONS, code) ? CALL_REASONS[code] : undefined);
  return said(known ?? `(${code})`);
}
