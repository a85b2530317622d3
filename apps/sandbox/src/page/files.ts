import type { FastifyReply } from 'fastify';
import { ControlError, ControlInput } from '../common/control.js';
import { fileAnswer } from '../common/http.js';
import type { FileView } from './state.js';

/** What a browser shows without running anything; SVG and HTML are not among them. */
const SHOWN = /^(image\/(png|jpeg|gif|webp|avif|bmp)|(audio|video)\/[a-z0-9.+-]+)$/;
const CONTENT_TYPE = /^[a-z0-9][a-z0-9.+-]*\/[a-z0-9][a-z0-9.+-]*(\s*;[^\r\n]*)?$/i;
const MAX_NAME = 120;
/** Of the two calls that take files: base64 makes three bytes four. */
export const MAX_UPLOAD_BYTES = 8 * 1024 * 1024;

const HEADERS = {
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'private, max-age=3600',
};

export interface StoredFile {
  contentType: string;
  fileName: string;
  bytes: Buffer;
}

export function fileView(id: string, url: string, { contentType, fileName, bytes }: StoredFile): FileView {
  return { id, kind: kindOf(contentType), contentType, name: fileName, sizeInBytes: bytes.length, url };
}

/** Sends the bytes of a file that a stranger may have chosen: nothing in it can run, and what cannot be shown is saved. */
export function sendFile(reply: FastifyReply, file: StoredFile): FastifyReply {
  const { headers } = fileAnswer(essence(file.contentType), file.fileName, file.bytes);
  const shown = kindOf(file.contentType) !== 'file';
  void reply.headers({ ...headers, ...HEADERS });
  if (!shown) void reply.type('application/octet-stream');
  else
    void reply.header(
      'content-disposition',
      headers['content-disposition']?.replace(/^attachment/, 'inline'),
    );
  return reply.send(file.bytes);
}

/** The files of a call, `[{ contentType, base64, fileName? }]`. */
export function filesIn(
  input: ControlInput,
  name: string,
): { contentType: string; fileName?: string; bytes: Buffer }[] {
  return input.records(name).map((fields, index) => {
    const file = new ControlInput({}, input.query, fields);
    const which = `${name}[${index}]`;
    const contentType = file.optionalText('contentType') ?? '';
    const base64 = file.optionalText('base64') ?? '';
    const fileName = file.optionalText('fileName')?.trim().slice(0, MAX_NAME);
    if (!CONTENT_TYPE.test(contentType))
      throw new ControlError(400, `${which} needs a contentType like image/png.`);
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64))
      throw new ControlError(400, `${which} needs its bytes as base64.`);
    return { contentType, bytes: Buffer.from(base64, 'base64'), ...(fileName && { fileName }) };
  });
}

function kindOf(contentType: string): FileView['kind'] {
  const type = essence(contentType);
  const [kind] = type.split('/');
  if (!SHOWN.test(type)) return 'file';
  return kind === 'image' || kind === 'audio' || kind === 'video' ? kind : 'file';
}

/** Without parameters. */
function essence(contentType: string): string {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
