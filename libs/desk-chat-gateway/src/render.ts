import type {
  Attachment,
  CarriedMedia,
  ContactCard,
  MediaRefusal,
  MediaRefusalReason,
  MessageContent,
  MessageContext,
  PartContent,
  ShownWith,
} from '#core';

/** Stands where a customer sent a message without any text; the desk takes no empty ones. */
const EMPTY = '[empty message]';
/** Of a text that is quoted, in characters. */
const QUOTED_LENGTH = 120;
/** Of an advertisement's headline or address. */
const REFERRAL_LENGTH = 300;

/**
 * A customer's message, or a note of ours, as the agent reads it: one part, since the desk documents no limit on length. Texts
 * are passed on verbatim; what a message says beside its text stands in lines of its own. A file that was uploaded has none.
 */
export function renderForAgent(content: MessageContent, shownWith: ShownWith = {}): PartContent[] {
  if (content.type === 'template' || content.type === 'reopening' || content.type === 'handoff') {
    // Its texts travel as the new conversation's history; there is no message to send.
    return [];
  }
  if (content.type === 'card') {
    const ids = (content.attachments ?? []).flatMap(({ id }) => id ?? []);
    return [
      {
        ...(content.text !== undefined && { text: content.text }),
        cards: content.cards,
        ...(ids.length > 0 && { attachmentIds: ids }),
      },
    ];
  }
  const { media = [], quoted, optedIn = false } = shownWith;
  const body = [...textOf(content), ...fileLines(content, media)].filter((line) => line !== '');
  const isCarried = media.some((one) => 'filename' in one);
  const { context } = content;
  const lines = [
    ...before(context),
    ...(quoted ? [`> ${quoted === 'unknown' ? '[an earlier message]' : shortened(summary(quoted))}`] : []),
    ...(body.length === 0 && !isCarried ? [EMPTY] : body),
    ...after(context, optedIn),
  ];
  return [lines.length > 0 ? { text: lines.join('\n') } : {}];
}

type Shown = Exclude<MessageContent, { type: 'template' | 'reopening' | 'handoff' | 'card' }>;

/** What it says itself, line by line. */
function textOf(content: Shown): string[] {
  switch (content.type) {
    case 'text':
    case 'note':
      return [content.text];
    case 'choice':
      return [content.title || (content.payload ?? '')];
    case 'attachments':
    case 'contact':
      return [content.text ?? ''];
    case 'location': {
      const { text, label, address, latitude, longitude } = content;
      const place = [label, address].filter(Boolean).join(', ');
      const coordinates = `${latitude}, ${longitude}`;
      return [
        text ?? '',
        place ? `[location: ${place} (${coordinates})]` : `[location: ${coordinates}]`,
        mapLink(latitude, longitude),
      ];
    }
    case 'unknown':
      return [content.text ?? '', `[${content.kind ?? 'a message'} that cannot be shown here]`];
  }
}

/** Numbers within the globe only: what else a sender put there must not become part of an address. */
function mapLink(latitude: string, longitude: string): string {
  const isNumber = [latitude, longitude].every((one) => /^-?\d{1,3}(\.\d{1,20})?$/.test(one.trim()));
  const isOnEarth = Math.abs(Number(latitude)) <= 90 && Math.abs(Number(longitude)) <= 180;
  return isNumber && isOnEarth ? `https://maps.google.com/?q=${latitude.trim()},${longitude.trim()}` : '';
}

function fileLines(content: Shown, media: CarriedMedia[]): string[] {
  const attachments = 'attachments' in content ? content.attachments : [];
  return attachments.flatMap((attachment, index) => {
    const carried = media[index];
    if (carried === undefined) return [`[${nameOf(attachment)} not shown here]`];
    return 'filename' in carried ? carried.contacts.map(contactLine) : [refusedLine(attachment, carried)];
  });
}

function contactLine({ name, numbers }: ContactCard): string {
  const words = [name, ...numbers].filter(Boolean).join(', ');
  return words ? `[contact: ${words}]` : '[contact]';
}

const REASONS: Readonly<Record<MediaRefusalReason, string>> = {
  'too-large': 'it is too large',
  'wrong-type': 'files of this type are not passed on',
  'not-found': 'it is not there any more',
  unreachable: 'it could not be fetched in time',
  'unsafe-address': 'its address is not one of the provider',
  unreadable: 'it could not be read',
  empty: 'it is empty',
  'not-taken': 'the contact centre does not take it',
};

function refusedLine(attachment: Attachment, { refused, detail }: MediaRefusal): string {
  const reason = [REASONS[refused], detail].filter(Boolean).join(', ');
  return `[${nameOf(attachment)} not shown here: ${reason}]`;
}

/** What a person would call it, by its kind and announced type. */
function nameOf({ kind, contentType = '' }: Attachment): string {
  if (kind === 'sticker') return 'sticker';
  if (kind === 'voice') return 'voice message';
  if (/^text\/(x-)?vcard\b/i.test(contentType)) return 'contact card';
  const [type] = contentType.toLowerCase().split('/');
  const words = new Map([
    ['image', 'picture'],
    ['video', 'video'],
    ['audio', 'recording'],
  ]);
  return words.get(type ?? '') ?? 'file';
}

/** How the message came about. */
function before(context: MessageContext = {}): string[] {
  const { forwarded, referral } = context;
  const marks = { once: '[forwarded]', often: '[forwarded many times]' };
  const lines = forwarded ? [marks[forwarded]] : [];
  if (!referral) return lines;
  const source = referral.sourceType?.toLowerCase() === 'post' ? 'a post' : 'an ad';
  const headline = referral.headline || referral.body;
  const words = [
    headline && shortened(headline, REFERRAL_LENGTH),
    referral.url && `(${shortened(referral.url, REFERRAL_LENGTH)})`,
  ];
  const named = words.filter(Boolean).join(' ');
  return [...lines, named ? `[came from ${source}: ${named}]` : `[came from ${source}]`];
}

/** What it changes. */
function after({ keyword }: MessageContext = {}, optedIn: boolean): string[] {
  if (keyword === 'stop') {
    return ['[the customer has opted out: nothing reaches them any more until they text START]'];
  }
  return optedIn ? ['[the customer has opted in again]'] : [];
}

/** What a message was, for whoever reads the answer to it. */
function summary(content: MessageContent): string {
  if ('text' in content && content.text) return content.text;
  switch (content.type) {
    case 'attachments':
    case 'contact':
      return content.attachments.map((one) => `[${nameOf(one)}]`).join(' ');
    case 'location':
      return `[location: ${content.label || content.address || `${content.latitude}, ${content.longitude}`}]`;
    case 'choice':
      return content.title || (content.payload ?? EMPTY);
    case 'card':
      return '[card]';
    case 'unknown':
      return `[${content.kind ?? 'a message'}]`;
    case 'text':
    case 'note':
    case 'template':
    case 'reopening':
    case 'handoff':
      return '[an earlier message]';
  }
}

/** One line of it. */
function shortened(text: string, length = QUOTED_LENGTH): string {
  const characters = Array.from(text.replace(/\s+/g, ' ').trim());
  return characters.length > length ? `${characters.slice(0, length).join('')}…` : characters.join('');
}
