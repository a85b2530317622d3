import type { Readable } from 'node:stream';

/** A file as somebody serves it. Whoever takes it reads `body` to its end or destroys it. */
export interface MediaStream {
  body: Readable;
  /** As announced; what the bytes are is for the reader to find out. */
  contentType?: string;
  filename?: string;
  /** As announced, bytes. */
  length?: number;
}

/** Why a file is not carried. For people; each side has its words for them. `not-taken`: the other side refused it. */
export type MediaRefusalReason =
  | 'too-large'
  | 'wrong-type'
  | 'not-found'
  | 'unreachable'
  | 'unsafe-address'
  | 'unreadable'
  | 'empty'
  | 'not-taken';

/** A file that cannot be carried; the message goes on without it. Neither `detail` nor anything else names an address. */
export interface MediaRefusal {
  refused: MediaRefusalReason;
  /** Such as `31 MB of at most 25 MB`. */
  detail?: string;
}

/** Thrown where a file turns out, for good, not to be carried. */
export class MediaRefusedError extends Error {
  constructor(readonly refusal: MediaRefusal) {
    super(`Media refused: ${refusal.refused}`);
    this.name = 'MediaRefusedError';
  }
}

/** A file in our own store, where providers fetch it by a link. */
export interface KeptFile {
  key: string;
  /** As its bytes say. */
  contentType: string;
  bytes: number;
  filename: string;
}

/** How an agent's file reaches the customer: with the message, or by a link in its text. */
export type CarriedFile = { media: KeptFile } | { link: string; filename: string };

/** A file that the customer does not get, as it is told to the agent. */
export interface RefusedFile extends MediaRefusal {
  filename?: string;
}

/** What a channel takes of files of certain types. */
export interface MediaRule {
  types: readonly string[];
  maxBytes: number;
  /** Whether a text can stand with it. */
  caption: boolean;
  /** Only pictures of exactly this size. */
  pixels?: { width: number; height: number };
}

/** What a channel takes of files, as data. What fits none of it goes as a link. */
export interface MediaCapabilities {
  maxPerPart: number;
  /** Of all files of a part together. */
  maxBytesPerPart: number;
  /** Longest text beside files, UTF-16 code units. */
  maxCaptionLength: number;
  rules: readonly MediaRule[];
  /** A picture that fits no rule is made a JPEG, or a PNG, of at most so many bytes. */
  scaledImageBytes: number;
}

/** The rule that lets this file through; undefined where none does. */
export function mediaRule(
  { rules, maxBytesPerPart }: MediaCapabilities,
  file: { contentType: string; bytes: number; width?: number; height?: number },
): MediaRule | undefined {
  return rules.find(
    ({ types, maxBytes, pixels }) =>
      types.includes(file.contentType) &&
      file.bytes <= Math.min(maxBytes, maxBytesPerPart) &&
      (!pixels || (pixels.width === file.width && pixels.height === file.height)),
  );
}

/** Keeps agents' files for customers. */
export abstract class MediaKeeper {
  /**
   * Reads the file to its end, and keeps what the channel can carry of it. Throws {@link MediaRefusedError} for what cannot be
   * carried in any way, and `DeliveryError` of kind `not-sent` where it may work later.
   */
  abstract keep(file: MediaStream, limits: MediaCapabilities): Promise<CarriedFile>;
  /** The same for a customer's file, which the bot gets as it is. Throws {@link MediaRefusedError} and `DeliveryError`, too. */
  abstract keepWhole(file: MediaStream): Promise<KeptFile>;
  /** Opens a kept file. Throws {@link MediaRefusedError} where it is not kept any more, else `DeliveryError`. */
  abstract open(file: KeptFile): Promise<MediaStream>;
  /** A link for the provider, which works for as long as the provider may keep the message. Throws `DeliveryError`. */
  abstract link(file: KeptFile): Promise<string>;
}

/** Fetches files from addresses that others have chosen. */
export abstract class WebFiles {
  /** Throws {@link MediaRefusedError} where it may never be fetched, and `DeliveryError` of kind `not-sent` where it may work later. */
  abstract open(
    request: { url: string; maxBytes: number },
    context: { timeoutMs: number },
  ): Promise<MediaStream>;
}

/** `31 MB of at most 25 MB`; without a size, which is known only to be larger. */
export function sizeDetail(bytes: number | undefined, maxBytes: number): string {
  return bytes === undefined
    ? `more than ${megabytes(maxBytes)}`
    : `${megabytes(bytes)} of at most ${megabytes(maxBytes)}`;
}

function megabytes(bytes: number): string {
  return `${Math.max(0.1, Math.ceil(bytes / 100_000) / 10)} MB`;
}

/** A file that lies on this machine on its way to the other side. Whoever has it removes it. */
export interface StoredFile {
  /** What its bytes are, whatever was announced. */
  contentType: string;
  /** That fits the type, without a dot. */
  extension: string;
  bytes: number;
  /** Its first bytes, at most 64 KiB. */
  head: Buffer;
  /** As often as it is needed. */
  open(): Readable;
  remove(): Promise<void>;
}

/** Where files lie on their way. */
export interface FileStore {
  /**
   * Takes all of `body`, or rejects with what that broke off with. `size`: how large it is at least, bytes.
   */
  take(
    body: Readable,
    limits: { maxBytes: number; announced?: string | undefined },
  ): Promise<StoredFile | { refused: MediaRefusalReason; size?: number }>;
}

/** What became of one attachment of a customer on its way to the desk. */
export type CarriedMedia = { filename: string; contacts: ContactCard[] } | MediaRefusal;

/** A person on a contact card. */
export interface ContactCard {
  name?: string;
  numbers: string[];
}
