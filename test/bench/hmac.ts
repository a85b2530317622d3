import { createHmac, timingSafeEqual } from 'node:crypto';

/** What every server of the benchmark is given. */
export const ACCOUNT_SID = 'AC00000000000000000000000000000000';
export const AUTH_TOKEN = 'benchmark-auth-token';
export const PUBLIC_BASE_URL = 'https://benchmark.invalid';
export const PATH = '/webhooks/twilio/messages';
export const ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>';

/** Twilio's signature of a form, in the fewest steps: base64 of HMAC-SHA1 over URL and sorted names and values. */
export function sign(parameters: URLSearchParams): string {
  let text = PUBLIC_BASE_URL + PATH;
  for (const name of [...parameters.keys()].sort()) text += name + parameters.get(name);
  return createHmac('sha1', AUTH_TOKEN).update(text, 'utf8').digest('base64');
}

/** The form when it is signed, otherwise undefined. */
export function verified(
  body: string,
  signature: string | string[] | undefined,
): URLSearchParams | undefined {
  const parameters = new URLSearchParams(body);
  const expected = Buffer.from(sign(parameters));
  const given = Buffer.from(typeof signature === 'string' ? signature : '');
  return expected.length === given.length && timingSafeEqual(expected, given) ? parameters : undefined;
}
