import {
  splitText,
  type MediaRefusalReason,
  type MessageContent,
  type ProviderWords,
  type RefusedFile,
  type Remedy,
  type WakeUps,
} from '#core';
import type { DueNote, DueNotes } from '#persistence';
import type { Metrics } from '#platform';

const MAX_NOTES = 100;
/** How much of a message a note repeats, so that the agent knows which one it was. */
const EXCERPT_LENGTH = 80;
const MAX_TEMPLATES = 10;

/** Reasons of our own, as an agent reads them: those for operators say what an operator can do. */
const REASONS: Readonly<Record<string, string>> = {
  'too-old': 'It could not be delivered in time.',
  'outcome-unknown': 'Whether it has arrived could not be found out.',
  'unknown-template': 'There is no template of this name.',
  'template-not-approved':
    'The template is not approved by WhatsApp, so it goes out only within 24 hours of their last message.',
  'template-command': 'The command could not be read; it is /template <name> 1=Monday 2="at nine".',
  'media-expired': 'Its files are no longer kept; send them again.',
  discarded: 'An operator has given it up.',
  quarantine: 'Something went wrong on our side; it is set aside for an operator.',
};

const WINDOW = 'The customer has not written within 24 hours, and WhatsApp takes only templates then.';
/** What becomes of a message that waits for its customer to write. */
const WAITING = {
  window: 'It goes out when they write.',
  'window-asked': 'They have been sent the template that asks them to answer; this follows when they do.',
};

/** Why a customer did not get a file, and what an agent can do. */
const REFUSALS: Readonly<Record<MediaRefusalReason, string>> = {
  'too-large': 'it is too large',
  'wrong-type': 'files of this kind are not sent, for safety',
  'not-found': 'it was not found',
  unreachable: 'it could not be fetched',
  'unsafe-address': 'it is at an address that may not be fetched from',
  unreadable: 'it cannot be read',
  empty: 'it is empty',
  'not-taken': 'it was not taken',
};

export interface NoteWriterOptions {
  due: DueNotes;
  /** Of the channel's provider. */
  words: ProviderWords;
  wakeUps: WakeUps;
  metrics: Metrics;
}

/** Tells agents what became of their messages, and customers where their number has a text for it. */
export class NoteWriter {
  constructor(private readonly options: NoteWriterOptions) {}

  async run(): Promise<void> {
    const { due, wakeUps, metrics } = this.options;
    wakeUps.wake(
      await due.post(MAX_NOTES, (note) => {
        metrics.notes.inc({ kind: note.kind, direction: note.direction });
        return note.direction === 'inbound' ? toCustomer(note) : { text: this.toAgent(note) };
      }),
    );
  }

  private toAgent({ kind, content, reason, providerCode, refused, templates }: DueNote): string {
    const what = excerpt(content);
    const files = (refused ?? []).map(refusedFile).join('; ');
    if (kind === 'media-refused') return `Sent to the customer without a file: ${what} ${files}.`;
    if (reason === 'media-refused') return `Not delivered to the customer: ${files}.`;
    if (kind === 'recovered') return `Delivered to the customer after all: ${what}`;
    if (kind === 'window' || kind === 'window-asked')
      return `Waiting for the customer: ${what} ${WINDOW} ${WAITING[kind]}${kind === 'window' ? toWriteFirst(templates) : ''}`;
    const { name, ...words } = this.options.words;
    const own = reason === null ? undefined : (REASONS[reason] ?? words.reason(reason));
    const why = (providerCode === null ? undefined : words.providerCode(providerCode)) ?? own;
    const code = providerCode === null ? '' : ` (${name} ${providerCode})`;
    const remedy = remedyFor(words.remedy?.(providerCode ?? reason ?? ''));
    const hint = reason === 'unknown-template' ? toWriteFirst(templates) : '';
    const refusal = `${why ?? `${name} refused it.`}${code}${remedy}${hint}`;
    return kind === 'window-refused'
      ? `Waiting for the customer: ${what} ${WINDOW} The template that asks them to answer could not be sent: ${refusal}`
      : `Not delivered to the customer: ${what} ${refusal}`;
  }
}

/** Nobody who told us to stop, or asked for help, is answered by us: Twilio has done that. */
function toCustomer({ kind, content }: DueNote): 'customer' | undefined {
  const keyword = content.context?.keyword;
  return kind === 'failed' && keyword !== 'stop' && keyword !== 'help' ? 'customer' : undefined;
}

/** How an agent sends one of the number's templates; nothing where it has none. */
function toWriteFirst(templates: string[]): string {
  if (templates.length === 0) return '';
  const names = templates.slice(0, MAX_TEMPLATES).join(', ');
  return ` A template goes out at any time: /template <name> 1=… 2=…, with one of these names: ${names}${templates.length > MAX_TEMPLATES ? ', …' : '.'}`;
}

function remedyFor(remedy: Remedy | undefined): string {
  if (!remedy) return '';
  return remedy.by === 'agent' ? ` ${remedy.text}` : ` Tell your administrator: ${remedy.text}`;
}

function refusedFile({ filename, refused, detail }: RefusedFile): string {
  const name = filename === undefined ? 'a file' : `“${oneLine(filename)}”`;
  return `${name}: ${REFUSALS[refused]}${detail === undefined ? '' : ` (${detail})`}`;
}

/** What Postgres' text cannot hold, a message's content can. */
function oneLine(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\s\0]+/g, ' ')
    .trim();
}

function excerpt(content: MessageContent): string {
  const text = 'text' in content ? (content.text ?? '') : content.type === 'choice' ? content.title : '';
  const line = oneLine(text);
  if (line === '') return `[${content.type}].`;
  const [start = '', ...more] = splitText(line, EXCERPT_LENGTH);
  return `“${start.trim()}${more.length > 0 ? '…' : ''}”.`;
}
