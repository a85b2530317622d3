// The webhook part alone: the package's main module loads its whole REST client (150 ms, 30 MB), which the gateway
// never needs.
import webhooks from 'twilio/lib/webhooks/webhooks.js';
import type { FormParameters } from './form.js';

/**
 * Whether one of `authTokens` signed this form request: HMAC-SHA1 over URL and sorted parameters, by the `twilio`
 * package. `url` is the public one, path and query untouched. Every token is tried even after one has matched, so
 * that the time taken does not tell which. Never throws.
 * Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security
 */
export function isSignedByTwilio(
  authTokens: readonly string[],
  signature: string | string[] | undefined,
  url: string,
  parameters: FormParameters,
): boolean {
  if (typeof signature !== 'string' || signature === '') return false;
  let valid = false;
  for (const authToken of authTokens) {
    if (authToken !== '' && isValid(authToken, signature, url, parameters)) valid = true;
  }
  return valid;
}

function isValid(authToken: string, signature: string, url: string, parameters: FormParameters): boolean {
  try {
    return webhooks.validateRequest(authToken, signature, url, parameters);
  } catch {
    // The package throws on a URL that it cannot parse.
    return false;
  }
}
