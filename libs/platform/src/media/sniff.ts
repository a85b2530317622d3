import { open } from 'node:fs/promises';
import { extensionOf, TYPES } from './filename.js';

/** What a file is, as its bytes say. */
export interface Sniffed {
  contentType: string;
  /** It can run on the machine or in the browser of whoever opens it. */
  dangerous: boolean;
}

const UNKNOWN = 'application/octet-stream';
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
/** The older Office formats are one container, told apart by name only. */
const OFFICE: Readonly<Record<string, string>> = {
  doc: 'application/msword',
  xls: 'application/vnd.ms-excel',
  ppt: 'application/vnd.ms-powerpoint',
};
const DANGEROUS_TYPES: ReadonlySet<string> = new Set([
  'text/html',
  'text/x-shellscript',
  'image/svg+xml',
  'application/xml',
  'application/xhtml+xml',
  'application/x-msdownload',
  'application/x-elf',
  'application/x-mach-binary',
  'application/java-archive',
  'application/java-vm',
  'application/x-java-archive',
  'application/vnd.android.package-archive',
  'application/vnd.ms-cab-compressed',
  'application/x-apple-diskimage',
  'application/x-ms-shortcut',
  'application/x.ms.shortcut',
  'application/x-shockwave-flash',
  'application/x-deb',
  'application/x-rpm',
  'application/wasm',
]);
const DANGEROUS_EXTENSIONS: ReadonlySet<string> = new Set(
  (
    'exe com scr msi msp bat cmd ps1 psm1 vbs vbe js jse mjs wsf wsh hta cpl dll sys lnk pif reg jar apk app dmg pkg ' +
    'deb rpm sh bash csh command scpt htm html xhtml shtml mht mhtml svg svgz xml xsl swf iso img chm url'
  ).split(' '),
);

/** Looks into a file. The name counts only for what bytes cannot tell, and as a reason to refuse. */
export async function sniff(path: string, filename: string): Promise<Sniffed> {
  const { fileTypeFromFile } = await import('file-type');
  const found = await fileTypeFromFile(path).catch(() => undefined);
  const start = await readStart(path);
  const extension = extensionOf(filename);
  // A picture that holds a page as well is served as a picture, and nothing guesses otherwise.
  const isKnown = found && !/^text\/|xml/.test(found.mime);
  const contentType =
    (isKnown ? undefined : hiddenType(start)) ??
    (found ? nameOf(found.mime, extension) : textType(start, extension));
  return { contentType, dangerous: DANGEROUS_TYPES.has(contentType) || DANGEROUS_EXTENSIONS.has(extension) };
}

function nameOf(mime: string, extension: string): string {
  if (mime === 'application/x-cfb') return OFFICE[extension] ?? UNKNOWN;
  return SAME[mime.toLowerCase()] ?? mime;
}

/** Plain texts have no signature. */
function textType(start: Buffer, extension: string): string {
  if (start.length === 0 || !isText(start)) return UNKNOWN;
  const byName = TYPES.get(extension);
  return byName?.startsWith('text/') ? byName : 'text/plain';
}

function isText(start: Buffer): boolean {
  // The last character may be cut.
  const text = start.toString('utf8').slice(0, -1);
  return !text.includes('\0') && !text.includes('\ufffd');
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
