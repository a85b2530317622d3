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

/** Why a file is not carried. For people; each side has its words for them. */
export type MediaRefusalReason =
  'too-large' | 'wrong-type' | 'not-found' | 'unreachable' | 'unsafe-address' | 'unreadable' | 'empty';

/** A file that cannot be carried; the message goes on without it. Neither `detail` nor anything else names an address. */
export interface MediaRefusal {
  refused: MediaRefusalReason;
  /** Such as `20 MB, at most 16 MB`. */
  detail?: string;
}

/** Thrown where a file turns out, for good, not to be carried. */
export class MediaRefusedError extends Error {
  constructor(readonly refusal: MediaRefusal) {
    super(`Media refused: ${refusal.refused}`);
    this.name = 'MediaRefusedError';
  }
}
