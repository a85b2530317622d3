import { tell, type SentFile } from '../api.js';

/** A file that waits to be sent. */
export interface OutgoingFile extends SentFile {
  /** Here only. */
  id: string;
  sizeInBytes: number;
}

/** The sandbox takes 8 MB of JSON, in which three bytes are four. */
const MAX_BYTES = 5.5 * 1024 * 1024;

/** Files that are there without anybody having any. */
export const SAMPLES = {
  picture: { path: '/samples/picture.png', fileName: 'parcel.png', contentType: 'image/png' },
  voice: { path: '/samples/voice-note.ogg', fileName: 'voice-note.ogg', contentType: 'audio/ogg' },
  document: { path: '/samples/order.pdf', fileName: 'order-4711.pdf', contentType: 'application/pdf' },
} as const;
export type Sample = keyof typeof SAMPLES;

/** Tells the person which are too large, and leaves them out. */
export async function readFiles(files: Iterable<File>): Promise<OutgoingFile[]> {
  const read: OutgoingFile[] = [];
  let left = MAX_BYTES;
  for (const file of files) {
    left -= file.size;
    if (left < 0) tell(`${file.name} is too large: a message here carries at most ${sizeOf(MAX_BYTES)}.`);
    else read.push(await outgoing(file, file.name, file.type));
  }
  return read;
}

export async function readSample(sample: Sample): Promise<OutgoingFile[]> {
  const { path, fileName, contentType } = SAMPLES[sample];
  const response = await fetch(path).catch(() => undefined);
  if (response?.ok) return [await outgoing(await response.blob(), fileName, contentType)];
  tell('The sample is not there.');
  return [];
}

/** `3.7 KB`, `1.2 MB`. */
export function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const [value, unit] = bytes < 1_000_000 ? [bytes / 1000, 'KB'] : [bytes / 1_000_000, 'MB'];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

let made = 0;

async function outgoing(blob: Blob, fileName: string, contentType: string): Promise<OutgoingFile> {
  const base64 = await base64Of(blob);
  made += 1;
  const type = contentType || 'application/octet-stream';
  return { id: `file ${made}`, contentType: type, base64, fileName, sizeInBytes: blob.size };
}

function base64Of(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onerror = () => reject(new Error('The file could not be read.'));
    reader.onload = () =>
      resolve(typeof reader.result === 'string' ? reader.result.replace(/^[^,]*,/, '') : '');
    reader.readAsDataURL(blob);
  });
}
