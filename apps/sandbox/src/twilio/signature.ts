import { createHmac } from 'node:crypto';

/** The parts of a configured webhook URL: overrides stand in the fragment, which is neither signed nor sent. */
export interface WebhookUrl {
  url: string;
  overrides: URLSearchParams;
}

export function splitOverrides(configured: string): WebhookUrl {
  const at = configured.indexOf('#');
  if (at < 0) return { url: configured, overrides: new URLSearchParams() };
  return { url: configured.slice(0, at), overrides: new URLSearchParams(configured.slice(at + 1)) };
}

/**
 * `X-Twilio-Signature` of a form request: base64(HMAC-SHA1(token, URL + every name and value, sorted by name)).
 * Own code on purpose: Causeway checks with Twilio's package, so an error of that package would show here.
 * Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security
 */
export function twilioSignature(
  authToken: string,
  url: string,
  params: readonly (readonly [string, string])[],
): string {
  const byName = [...params].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const signed = url + byName.map(([name, value]) => name + value).join('');
  return createHmac('sha1', authToken).update(signed, 'utf8').digest('base64');
}
