/** Type → extension, as phones expect it. */
const EXTENSIONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
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
  }),
);
const TYPES: ReadonlyMap<string, string> = new Map(
  [...EXTENSIONS].map(([type, extension]) => [extension, type]),
);

/** Undefined for a type that has no usual one; without a dot. */
export function extensionFor(contentType: string): string | undefined {
  return EXTENSIONS.get(bare(contentType));
}

/** The type that names with this extension promise. */
export function typeFor(extension: string): string | undefined {
  return TYPES.get(extension);
}

/** `photo.HEIC` → `heic`; empty where there is none. */
export function extensionOf(filename: string): string {
  return /\.([A-Za-z0-9]{1,5})$/.exec(filename)?.[1]?.toLowerCase() ?? '';
}

/** `audio/ogg; codecs=opus` → `audio/ogg` */
export function bare(contentType: string): string {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
