import type { Readable } from 'node:stream';
import type { Answer, Upload } from './http.js';

/** The bytes of a multipart body. What is beyond the limit is read and dropped, so that the sender hears the answer. */
export async function readUpload(
  body: Readable,
  contentType: string,
  maxBytes: number,
): Promise<Upload | 'too-large'> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length <= maxBytes) chunks.push(bytes);
    else chunks.length = 0;
  }
  return length <= maxBytes ? { contentType, bytes: Buffer.concat(chunks) } : 'too-large';
}

/** The parts, or undefined when the body is no multipart form. */
export async function partsOf(upload: Upload): Promise<FormData | undefined> {
  try {
    const headers = { 'content-type': upload.contentType };
    return await new Response(new Uint8Array(upload.bytes), { headers }).formData();
  } catch {
    return undefined;
  }
}

/** An upload as an exchange shows it: its part names with their sizes or values, as JSON. */
export function shownUpload(upload: Upload | 'too-large'): string {
  if (upload === 'too-large') return JSON.stringify({ attachment: '[too large]' });
  const text = upload.bytes.toString('latin1');
  const parts: Record<string, string> = {};
  for (const [, name = '', file] of text.matchAll(
    /content-disposition: form-data; name="(\w+)"(; filename)?/gi,
  )) {
    parts[name] = file === undefined ? valueAfter(text, name) : '[file]';
  }
  return JSON.stringify(parts);
}

function valueAfter(text: string, name: string): string {
  return new RegExp(`name="${name}"(?:\\r\\n[^\\r\\n]+)*\\r\\n\\r\\n([^\\r\\n]*)`).exec(text)?.[1] ?? '';
}

/** An answer as an exchange shows it: bytes by their number, as a JSON text. */
export function shownBody({ bytes, body }: Answer): string {
  return bytes === undefined ? body : JSON.stringify(`[${bytes.length} bytes]`);
}
