import { fileTypeFromBuffer } from 'file-type';
import { isWhatsApp } from './messages.js';

const MB = 1024 * 1024;

/** Other names of the same thing. */
const ALIASES: Record<string, string> = {
  'image/jpg': 'image/jpeg',
  'audio/mp3': 'audio/mpeg',
  'audio/x-m4a': 'audio/mp4',
  'video/mp4': 'audio/mp4',
  'video/3gpp': 'audio/3gpp',
  'audio/amr-nb': 'audio/amr',
  'text/x-vcard': 'text/vcard',
  'text/directory': 'text/vcard',
};

/** Which bytes do not show what they are. */
const WITHOUT_SIGNATURE = /^(text\/|application\/(rtf|vcard)$)/;
/** Containers that many types of documents share. */
const CONTAINERS = new Set(['application/zip', 'application/x-cfb']);

const MMS_KINDS =
  /^(image\/(jpeg|jpg|png|gif|heic|heif|tiff|bmp)|audio\/.+|video\/(mp4|mpeg|webm|quicktime|3gpp|3gpp2|h26[1345])|application\/pdf|text\/(x-)?vcard|text\/csv|text\/rtf|application\/rtf|text\/calendar|text\/directory)$/i;
const WHATSAPP_KINDS =
  /^(image\/(jpeg|jpg|png|webp)|audio\/(ogg|amr|amr-nb|3gpp|aac|mpeg|mp3|mp4)|video\/(mp4|3gpp)|application\/(pdf|msword|vnd\.ms-(excel|powerpoint)|vnd\.openxmlformats-officedocument\.(wordprocessingml\.document|presentationml\.presentation|spreadsheetml\.sheet))|text\/(x-)?vcard)$/i;

/** How many bytes one medium of a message can have. */
export function maxBytes(to: string, contentType: string): number {
  if (!isWhatsApp(to)) return 5 * MB;
  return contentType.startsWith('image/') ? 5 * MB : 16 * MB;
}

/** The code of a medium that is too large. */
export function tooLarge(to: string): number {
  return isWhatsApp(to) ? 63034 : 11751;
}

/** The code of a medium of a wrong kind, or of another kind than it says; undefined for a good one. */
export async function wrongKind(to: string, contentType: string, bytes: Buffer): Promise<number | undefined> {
  const code = isWhatsApp(to) ? 63021 : 12300;
  if (!(isWhatsApp(to) ? WHATSAPP_KINDS : MMS_KINDS).test(contentType)) return code;
  const found = (await fileTypeFromBuffer(bytes))?.mime;
  if (found === undefined) return WITHOUT_SIGNATURE.test(contentType) ? undefined : code;
  const [kind = '', codec] = found.split(';');
  if (isWhatsApp(to) && contentType === 'audio/ogg' && !codec?.includes('opus')) return code;
  const same = canonical(kind) === canonical(contentType);
  const contained = CONTAINERS.has(kind) && contentType.startsWith('application/');
  return same || contained ? undefined : code;
}

function canonical(contentType: string): string {
  const lower = contentType.toLowerCase();
  return ALIASES[lower] ?? lower;
}
