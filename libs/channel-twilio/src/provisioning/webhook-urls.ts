import { createHash } from 'node:crypto';
import { isLocal, unsuitability, type Unsuitability } from '#platform';
import { ProvisioningError } from './provisioning-error.js';

export interface WebhookBases {
  publicBaseUrl: string;
  fallbackBaseUrl?: string;
  /** Where Twilio is. On this machine it is a simulator, which reaches us anywhere. */
  apiBaseUrl: string;
}

export interface WebhookUrls {
  inbound: string;
  /** Absent: what stands at Twilio is left alone. */
  fallback?: string;
  status: string;
}

/**
 * Two retries, of whatever failed, within the 15 seconds that Twilio has. Neither sent nor signed.
 * Source: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
 */
const OVERRIDES = '#rc=2&rt=4000&tt=15000&rp=all';
const MESSAGES_PATH = '/webhooks/twilio/messages';
const STATUS_PATH = '/webhooks/twilio/status';

/** What Twilio is to call. Throws {@link ProvisioningError} where it could not reach that, or not safely. */
export function webhookUrls({ publicBaseUrl, fallbackBaseUrl, apiBaseUrl }: WebhookBases): WebhookUrls {
  if (!isLocal(apiBaseUrl)) {
    requireReachable('PUBLIC_BASE_URL', publicBaseUrl);
    if (fallbackBaseUrl !== undefined) requireReachable('TWILIO_FALLBACK_BASE_URL', fallbackBaseUrl);
  }
  return {
    inbound: publicBaseUrl + MESSAGES_PATH + OVERRIDES,
    ...(fallbackBaseUrl !== undefined && { fallback: fallbackBaseUrl + MESSAGES_PATH + OVERRIDES }),
    status: publicBaseUrl + STATUS_PATH + OVERRIDES,
  };
}

/** Tells whether Twilio was pointed at the same place before. */
export function urlsDigest({ inbound, fallback = '', status }: WebhookUrls): Buffer {
  return createHash('sha256').update([inbound, fallback, status].join('\n')).digest();
}

const WORDS: Record<Unsuitability, string> = {
  'not-https': 'must begin with https:// before Twilio is pointed at it',
  underscore: 'has an underscore in its host name, which Twilio refuses',
  'this-machine': 'is an address of this machine, which Twilio cannot reach',
  'private-network': 'is an address of a private network, which Twilio cannot reach',
};

function requireReachable(name: string, url: string): void {
  const why = unsuitability(url);
  if (why) throw new ProvisioningError('unsuitable-url', `${name} ${WORDS[why]}.`);
}
