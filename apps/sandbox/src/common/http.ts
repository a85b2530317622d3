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
  body: string;
}

/** What a handler answers: the body is sent as it stands, none for an empty one. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function answer(status: number, contentType: string, body: unknown): Answer {
  return { status, headers: { 'content-type': contentType }, body: JSON.stringify(body) };
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
