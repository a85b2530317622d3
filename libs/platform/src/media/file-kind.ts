import { open } from 'node:fs/promises';
import { bare, extensionFor, extensionOf, typeFor } from './media-types.js';

/** What a file is, by its bytes. */
export interface FileKind {
  contentType: string;
  /** That fits the type, without a dot; empty where none is known. */
  extension: string;
}

/** What whoever serves a file says of it: believed for nothing but what bytes cannot tell. */
export interface Claim {
  contentType?: string | undefined;
  filename?: string;
}

const UNKNOWN: FileKind = { contentType: 'application/octet-stream', extension: '' };
/** How much of a file is read to see whether it is a page. */
const START_BYTES = 8 * 1024;

/** Names that file-type has for what others call differently. */
const SAME: Readonly<Record<string, string>> = {
  'text/x-vcard': 'text/vcard',
  'audio/x-m4a': 'audio/mp4',
  'audio/x-m4b': 'audio/mp4',
  'video/x-m4v': 'video/mp4',
  'image/heif': 'image/heic',
  'video/mp1s': 'video/mpeg',
  'video/mp2p': 'video/mpeg',
  'image/apng': 'image/png',
};
/** The older Office formats are one container, told apart by what they are called only. */
const OLD_OFFICE: ReadonlySet<string | undefined> = new Set([
  'application/msword',
  'application/vnd.ms-excel',
  'application/vnd.ms-powerpoint',
]);

/** Plain texts have no signature; what is called one of these, and has none, is just text. */
const TEXTS: ReadonlySet<string> = new Set(['text/plain', 'text/csv', 'text/vcard', 'text/calendar']);

/** Looks into a file. */
export async function fileKind(path: string, claim: Claim): Promise<FileKind> {
  const { fileTypeFromFile } = await import('file-type');
  const found = await fileTypeFromFile(path).catch(() => undefined);
  const claimed =
    claim.contentType === undefined
      ? typeFor(extensionOf(claim.filename ?? ''))
      : (SAME[bare(claim.contentType)] ?? bare(claim.contentType));
  if (found?.mime === 'application/x-cfb') return OLD_OFFICE.has(claimed) ? named(claimed) : UNKNOWN;
  // A picture that holds a page as well is served as a picture, and nothing guesses otherwise.
  if (found && !/[/+]xml$/.test(found.mime))
    return named(SAME[found.mime.toLowerCase()] ?? found.mime, found.ext);
  const start = await readStart(path);
  const hidden = hiddenType(start) ?? found?.mime;
  if (hidden !== undefined) return named(hidden);
  if (!isText(start) || (claimed !== undefined && !TEXTS.has(claimed))) return UNKNOWN;
  return named(claimed === 'text/csv' ? claimed : 'text/plain');
}

function named(contentType = UNKNOWN.contentType, otherwise = ''): FileKind {
  return { contentType, extension: extensionFor(contentType) ?? otherwise };
}

function isText(start: Buffer): boolean {
  // The last character may be cut.
  const text = start.toString('utf8').slice(0, -1);
  return start.length > 0 && !text.includes('\0') && !text.includes('\ufffd');
}

/** What a browser or a shell would take it for, whatever it is called. */
function hiddenType(start: Buffer): string | undefined {
  const isWide = start[0] === 0xff && start[1] === 0xfe;
  const text = start
    .toString(isWide ? 'utf16le' : 'latin1')
    .slice(0, 2_048)
    .toLowerCase();
  if (text.startsWith('#!')) return 'text/x-shellscript';
  if (/<svg[\s>/]/.test(text)) return 'image/svg+xml';
  if (/<(?:!doctype\s+html|html|head|body|script|iframe)[\s>/]/.test(text)) return 'text/html';
  return /^\W*<\?xml\s/.test(text) ? 'application/xml' : undefined;
}

async function readStart(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
