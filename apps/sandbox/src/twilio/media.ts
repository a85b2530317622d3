import { createHash, randomBytes } from 'node:crypto';
import { isWhatsApp, newSid, type StoredMedia } from './messages.js';

/** What a medium does beside being one, for tests of who fetches it. */
export interface MediumTricks {
  /** Where the API sends who fetches it, instead of to the CDN. */
  redirectTo?: string;
  /** The type that webhook and metadata say; the CDN keeps saying the medium's own. */
  announcedContentType?: string;
  /** The CDN never stops sending. */
  endless?: boolean;
  /** The CDN says this length, whatever it sends. */
  declaredLength?: number;
  /** The CDN says no length. */
  noLength?: boolean;
  /** The CDN sends a gigabyte of nothing, compressed. */
  gzipBomb?: boolean;
}

/** A medium as it is given: in a customer's text, or fetched for one of ours. */
export interface MediumContent extends MediumTricks {
  contentType: string;
  bytes: Buffer;
  fileName?: string | undefined;
}

/** A medium that the simulator keeps. */
export interface Medium extends StoredMedia, MediumContent {
  sid: string;
  messageSid: string;
  accountSid: string;
  createdAtMs: number;
  /** How often it was asked for. */
  fetches: number;
}

const LINK_LIFE_MS = 60_000;

/** The media of all messages, and the CDN's short-lived links to them. */
export class MediaStore {
  readonly #media = new Map<string, Medium>();
  readonly #links = new Map<string, { medium: Medium; expiresAtMs: number }>();

  keep(message: { sid: string; accountSid: string }, content: MediumContent): Medium {
    const sid = newSid('ME');
    const medium: Medium = {
      ...content,
      sid,
      messageSid: message.sid,
      accountSid: message.accountSid,
      uri: `/2010-04-01/Accounts/${message.accountSid}/Messages/${message.sid}/Media/${sid}`,
      createdAtMs: Date.now(),
      fetches: 0,
    };
    this.#media.set(sid, medium);
    return medium;
  }

  get(sid: string): Medium | undefined {
    return this.#media.get(sid);
  }

  of(messageSid: string): Medium[] {
    return [...this.#media.values()].filter((medium) => medium.messageSid === messageSid);
  }

  delete(sid: string): void {
    this.#media.delete(sid);
  }

  /** A name under which the CDN gives the medium to anybody for a minute. */
  link(medium: Medium): string {
    const token = randomBytes(16).toString('hex');
    this.#links.set(token, { medium, expiresAtMs: Date.now() + LINK_LIFE_MS });
    return token;
  }

  linked(token: string): Medium | undefined {
    const link = this.#links.get(token);
    return link !== undefined && link.expiresAtMs > Date.now() ? this.get(link.medium.sid) : undefined;
  }

  clear(): void {
    this.#media.clear();
    this.#links.clear();
  }
}

/** As control calls show it. */
export function mediumView({ sid, contentType, bytes, fileName }: Medium): object {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { sid, contentType, bytes: bytes.length, sha256, fileName: fileName ?? null };
}

/** A contact card as phones send it. */
export function vCard({ name, phone }: { name: string; phone: string }): MediumContent {
  const lines = [
    'BEGIN:VCARD',
    'VERSION:3.0',
    `N:${name};;;;`,
    `FN:${name}`,
    `TEL;TYPE=CELL:${phone}`,
    'END:VCARD',
  ];
  return { contentType: 'text/vcard', bytes: Buffer.from(`${lines.join('\r\n')}\r\n`) };
}

/** How many media one message of that address can have. */
export function maxMedia(address: string): number {
  return isWhatsApp(address) ? 1 : 10;
}
