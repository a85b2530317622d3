import { hash } from 'node:crypto';
import type { MessageContent } from '#core';

/** A dedupe key as stored: 16 bytes of SHA-256, so that no number or id stands in the key table. */
export function keyDigest(key: string): Buffer {
  return Buffer.from(hash('sha256', key, 'hex').slice(0, 32), 'hex');
}

/** The digest by which equal texts are recognised without being read; undefined where there is no text. */
export function textDigest(text: string | undefined): Buffer | undefined {
  return text === undefined ? undefined : keyDigest(`text:${text}`);
}

/**
 * The digest by which what the desk holds is recognised: a text alone as {@link textDigest}, with files by their ids there, too.
 * Undefined where there is neither.
 */
export function contentDigest(
  text: string | undefined,
  attachmentIds: readonly string[] = [],
): Buffer | undefined {
  if (attachmentIds.length === 0) return textDigest(text);
  return keyDigest(`files:${JSON.stringify([text ?? '', ...attachmentIds.toSorted()])}`);
}

/** The same for what an event announces. */
export function announcedDigest(content: MessageContent | undefined): Buffer | undefined {
  if (content === undefined) return undefined;
  const text = 'text' in content ? content.text : undefined;
  const attachments = 'attachments' in content ? (content.attachments ?? []) : [];
  return contentDigest(
    text,
    attachments.flatMap(({ id }) => id ?? []),
  );
}
