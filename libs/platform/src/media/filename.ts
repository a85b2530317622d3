/** Type → extension, as phones expect it. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'image/heic': 'heic',
  'image/tiff': 'tiff',
  'image/bmp': 'bmp',
  'audio/mpeg': 'mp3',
  'audio/mp4': 'm4a',
  'audio/aac': 'aac',
  'audio/amr': 'amr',
  'audio/ogg': 'ogg',
  'audio/wav': 'wav',
  'video/mp4': 'mp4',
  'video/3gpp': '3gp',
  'video/quicktime': 'mov',
  'video/webm': 'webm',
  'video/mpeg': 'mpg',
  'application/pdf': 'pdf',
  'application/rtf': 'rtf',
  'application/msword': 'doc',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.ms-powerpoint': 'ppt',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
  'application/zip': 'zip',
  'text/plain': 'txt',
  'text/csv': 'csv',
  'text/vcard': 'vcf',
  'text/calendar': 'ics',
};
/** Types by extensions, for what bytes do not tell. */
export const TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries(EXTENSIONS).map(([type, extension]) => [extension, type]),
);
/** Twilio takes no longer one, and no spaces or specials. Source: its guide on media file names. */
const MAX_LENGTH = 20;

/** `photo.HEIC` → `heic`; empty where there is none. */
export function extensionOf(filename: string): string {
  return /\.([A-Za-z0-9]{1,5})$/.exec(filename)?.[1]?.toLowerCase() ?? '';
}

/** The name with the extension that its type has, such as after a conversion. */
export function withExtension(filename: string, contentType: string): string {
  const extension = EXTENSIONS[bare(contentType)];
  if (extension === undefined || TYPES.get(extensionOf(filename)) === bare(contentType)) return filename;
  if (extension === 'jpg' && extensionOf(filename) === 'jpeg') return filename;
  return `${filename.replace(/\.[A-Za-z0-9]{1,5}$/, '')}.${extension}`;
}

/** A name that any phone can keep: at most 20 letters, digits, `-`, `_`, and one dot. */
export function shortFilename(filename: string, contentType: string): string {
  const extension = extensionOf(filename) || (EXTENSIONS[bare(contentType)] ?? '');
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

/** `audio/ogg; codecs=opus` → `audio/ogg` */
export function bare(contentType: string): string {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
