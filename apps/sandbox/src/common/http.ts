import type { ServerResponse } from 'node:http';

/** A call as the simulators' handlers see it. */
export interface Call {
  method: string;
  /** Path without query, as sent. */
  path: string;
  /** Path and query, as sent. */
  url: string;
  params: Record<string, string>;
  query: URLSearchParams;
  headers: Record<string, string | string[] | undefined>;
  /** Empty for an upload: see `upload`. */
  body: string;
  /** A multipart body, or `too-large` when it is more than the operation takes. */
  upload?: Upload | 'too-large';
}

export interface Upload {
  contentType: string;
  bytes: Buffer;
}

/** What a handler answers: the body is sent as it stands, none for an empty one. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** Sent instead of `body`. */
  bytes?: Buffer;
  /** Writes and ends the body by itself, after the headers. */
  pour?: (response: ServerResponse) => void;
}

export function answer(status: number, contentType: string, body: unknown): Answer {
  return { status, headers: { 'content-type': contentType }, body: JSON.stringify(body) };
}

/** A file to be saved under its name. */
export function fileAnswer(contentType: string, fileName: string, bytes: Buffer): Answer {
  const name = `filename="${fileName.replaceAll(/[^\x20-\x7e]|["\\]/g, '_')}"`;
  const disposition = `attachment; ${name}; filename*=UTF-8''${encodeURIComponent(fileName)}`;
  return {
    status: 200,
    headers: { 'content-type': contentType, 'content-disposition': disposition },
    body: '',
    bytes,
  };
}

export function emptyAnswer(status: number): Answer {
  return { status, headers: {}, body: '' };
}

/** The first value of a header, or undefined. */
export function header(call: Call, name: string): string | undefined {
  const value = call.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
