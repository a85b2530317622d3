const MAX_LENGTH = 80;
/** What no file system or header takes, and what would show a name other than it is. */
const UNSAFE = /[\p{C}/\\:*?"<>|]+/gu;

/** A name that any desk takes: the wished one without what is unsafe, or the other, with the extension that fits. */
export function deskFilename(wished: string | undefined, otherwise: string, extension: string): string {
  const base = (wished ?? '')
    .normalize('NFC')
    .replace(UNSAFE, ' ')
    .replace(/\.[^.\s]{1,10}$/, '')
    .replace(/\s+/g, ' ')
    .replace(/^[\s.]+|[\s.]+$/g, '');
  const short = Array.from(base).slice(0, MAX_LENGTH).join('').trim();
  return `${short || otherwise}.${extension}`;
}
