import { WebhookRefusedError } from '#core';

/** Largest body read: a text of 1,600 characters in its longest encoding, with every documented field, is far below. */
export const MAX_BODY_BYTES = 256 * 1024;
/** Most parameters taken; the largest documented request has about sixty. */
export const MAX_PARAMETERS = 1000;

/** Decoded form parameters by name, on a null prototype; a repeated parameter keeps all its values, in order. */
export type FormParameters = Record<string, string | string[]>;

const AMPERSAND = 0x26;

/**
 * Parses a form flat, keeping every parameter as it came: empty, unknown, repeated. Nothing may be trimmed or nested
 * here, since Twilio signs over all of it. Malformed escapes and UTF-8 decode as the WHATWG URL standard says and
 * never throw. Throws {@link WebhookRefusedError} 413 or 400 when the bounds are passed.
 */
export function parseForm(body: Buffer): FormParameters {
  if (body.length > MAX_BODY_BYTES) throw new WebhookRefusedError(413, 'body-too-large');
  // Counted before anything is decoded, so that a flood of parameters costs one scan.
  if (exceedsParameters(body)) throw new WebhookRefusedError(400, 'too-many-parameters');

  const parameters = Object.create(null) as FormParameters;
  // A leading `&` is an empty pair; without it URLSearchParams would eat a leading `?`.
  for (const [name, value] of new URLSearchParams(`&${body.toString('utf8')}`)) {
    const earlier = parameters[name];
    if (earlier === undefined) parameters[name] = value;
    else if (typeof earlier === 'string') parameters[name] = [earlier, value];
    else earlier.push(value);
  }
  return parameters;
}

function exceedsParameters(body: Buffer): boolean {
  if (body.length < MAX_PARAMETERS) return false;
  let count = 1;
  for (let at = body.indexOf(AMPERSAND); at !== -1; at = body.indexOf(AMPERSAND, at + 1)) {
    if (++count > MAX_PARAMETERS) return true;
  }
  return false;
}

/** The value of a parameter that makes sense only once: undefined when absent, empty or repeated. */
export function single(parameters: FormParameters, name: string): string | undefined {
  const value = parameters[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Content is never refused for being repeated: the first value is shown, all are kept. */
export function first(parameters: FormParameters, name: string): string | undefined {
  const value = parameters[name];
  return typeof value === 'string' ? value : value?.[0];
}
