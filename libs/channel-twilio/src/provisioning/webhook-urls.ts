import { createHash } from 'node:crypto';
import ipaddr from 'ipaddr.js';
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
  if (!isLoopback(new URL(apiBaseUrl).hostname)) {
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

function requireReachable(name: string, url: string): void {
  const { protocol, hostname } = new URL(url);
  const refuse = (why: string) => {
    throw new ProvisioningError('unsuitable-url', `${name} ${why}.`);
  };
  if (protocol !== 'https:') refuse('must begin with https:// before Twilio is pointed at it');
  if (hostname.includes('_')) refuse('has an underscore in its host name, which Twilio refuses');
  if (isLoopback(hostname)) refuse('is an address of this machine, which Twilio cannot reach');
  if (isPrivate(hostname)) refuse('is an address of a private network, which Twilio cannot reach');
}

function isLoopback(hostname: string): boolean {
  return /(?:^|\.)localhost\.?$/.test(hostname) || rangeOf(hostname) === 'loopback';
}

function isPrivate(hostname: string): boolean {
  const range = rangeOf(hostname);
  if (range !== undefined) return range !== 'unicast';
  return !hostname.includes('.') || /\.(?:local|internal|lan|home\.arpa|test|invalid)\.?$/.test(hostname);
}

/** Undefined for a name. Mapped addresses are what they map to. */
function rangeOf(hostname: string): string | undefined {
  const literal = hostname.replace(/^\[|\]$/g, '');
  return ipaddr.isValid(literal) ? ipaddr.process(literal).range() : undefined;
}
