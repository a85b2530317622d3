import { bare, extensionFor, extensionOf, typeFor } from './media-types.js';

/** Twilio takes no longer one, and no spaces or specials. Source: its guide on media file names. */
const MAX_LENGTH = 20;

/** The name with the extension that its type has, such as after a conversion. */
export function withExtension(filename: string, contentType: string): string {
  const extension = extensionFor(contentType);
  if (extension === undefined || typeFor(extensionOf(filename)) === bare(contentType)) return filename;
  if (extension === 'jpg' && extensionOf(filename) === 'jpeg') return filename;
  return `${filename.replace(/\.[A-Za-z0-9]{1,5}$/, '')}.${extension}`;
}

/** A name that any phone can keep: at most 20 letters, digits, `-`, `_`, and one dot. */
export function shortFilename(filename: string, contentType: string): string {
  const extension = extensionOf(filename) || (extensionFor(contentType) ?? '');
  const end = extension && `.${extension}`;
  const start = filename
    .replace(/\.[A-Za-z0-9]{1,5}$/, '')
    .normalize('NFKD')
    .replaceAll(/[\s.]+/g, '-')
    .replaceAll(/[^A-Za-z0-9_-]/g, '')
    .replaceAll(/-{2,}/g, '-')
    .slice(0, MAX_LENGTH - end.length)
    .replaceAll(/^-+|-+$/g, '');
  return (start || 'file') + end;
}
