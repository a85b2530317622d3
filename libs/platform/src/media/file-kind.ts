import { fileTypeFromFile } from 'file-type';

/** What a file is, by its bytes. */
export interface FileKind {
  contentType: string;
  /** That fits the type, without a dot. */
  extension: string;
}

export interface SniffedFile {
  path: string;
  /** Its first bytes. */
  head: Buffer;
  /** As whoever serves it says. */
  announced: string | undefined;
  /** The whole of it is well-formed UTF-8 without NUL. */
  isText: boolean;
}

/**
 * What may be carried: pictures, sounds, films, documents of offices, contacts, dates and plain text. Programs, archives and
 * whatever a browser would run (HTML, SVG, XML) are not among it.
 */
const CARRIED = [
  /^image\/(?!svg)/,
  /^audio\//,
  /^video\//,
  /^application\/(pdf|rtf)$/,
  /^application\/vnd\.openxmlformats-officedocument\.(wordprocessingml|spreadsheetml|presentationml)\.(document|sheet|presentation|slideshow|template)$/,
  /^application\/vnd\.oasis\.opendocument\.(text|spreadsheet|presentation)$/,
  /^text\/(vcard|calendar)$/,
];

/** Office's older formats are one container, so what is announced tells them apart. */
const OLD_OFFICE: Readonly<Record<string, string>> = {
  'application/msword': 'doc',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.ms-powerpoint': 'ppt',
};

/** Text has no signature: it is what is announced. */
const TEXTS: Readonly<Record<string, string>> = {
  'text/plain': 'txt',
  'text/csv': 'csv',
  'text/vcard': 'txt',
  'text/x-vcard': 'txt',
  'text/calendar': 'txt',
};

/** What a browser or a shell would run, whatever it is called. */
const RUNNABLE = /^\uFEFF?\s*(?:<[!?a-z]|#!)/i;

const EXTENSIONS: Readonly<Record<string, string>> = { opus: 'ogg', apng: 'png' };

/** Undefined where the file may not be carried. What its bytes say outweighs what is announced. */
export async function fileKind(file: SniffedFile): Promise<FileKind | undefined> {
  const sniffed = await fileTypeFromFile(file.path).catch(() => undefined);
  const announced = typeOf(file.announced);
  if (sniffed === undefined) return file.isText ? textKind(file.head, announced) : undefined;
  const contentType = typeOf(sniffed.mime) ?? '';
  if (contentType === 'application/x-cfb') {
    const extension = announced === undefined ? undefined : own(OLD_OFFICE, announced);
    return announced !== undefined && extension !== undefined
      ? { contentType: announced, extension }
      : undefined;
  }
  if (!CARRIED.some((pattern) => pattern.test(contentType))) return undefined;
  if (contentType.startsWith('text/') && !file.isText) return undefined;
  return { contentType, extension: own(EXTENSIONS, sniffed.ext) ?? sniffed.ext };
}

function textKind(head: Buffer, announced: string | undefined): FileKind | undefined {
  const extension = announced === undefined ? undefined : own(TEXTS, announced);
  if (extension === undefined || RUNNABLE.test(head.toString('utf8'))) return undefined;
  return { contentType: extension === 'csv' ? 'text/csv' : 'text/plain', extension };
}

/** A media type without its parameters, in lower case. */
function typeOf(contentType: string | undefined): string | undefined {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase();
}

function own(table: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
