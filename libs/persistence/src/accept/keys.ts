import { hash } from 'node:crypto';

/** A dedupe key as stored: 16 bytes of SHA-256, so that no number or id stands in the key table. */
export function keyDigest(key: string): Buffer {
  return Buffer.from(hash('sha256', key, 'hex').slice(0, 32), 'hex');
}

/** The digest by which equal texts are recognised without being read; undefined where there is no text. */
export function textDigest(text: string | undefined): Buffer | undefined {
  return text === undefined ? undefined : keyDigest(`text:${text}`);
}
