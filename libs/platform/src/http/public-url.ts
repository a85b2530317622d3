import ipaddr from 'ipaddr.js';

/** What speaks against a URL that a provider is to call. */
export type Unsuitability = 'not-https' | 'underscore' | 'this-machine' | 'private-network';

/** Undefined where nothing speaks against it. By its text alone: names are not looked up. */
export function unsuitability(url: string): Unsuitability | undefined {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:') return 'not-https';
  if (hostname.includes('_')) return 'underscore';
  if (isLoopback(hostname)) return 'this-machine';
  return isPrivate(hostname) ? 'private-network' : undefined;
}

/** Whether a URL leads to this machine, as a simulator's does. */
export function isLocal(url: string): boolean {
  return isLoopback(new URL(url).hostname);
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
