import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface Address {
  address: string;
  family: 4 | 6;
}

export interface AddressRules {
  /** The provider is simulated on this machine, so its files are there, too. */
  allowLoopback: boolean;
  /** Instead of the system's resolver. */
  resolve?: ((hostname: string) => Promise<Address[]>) | undefined;
}

/** The host is, or has, an address that nobody outside is meant to reach through us. Names neither. */
export class UnsafeAddressError extends Error {
  constructor() {
    super('An address that is not public.');
    this.name = 'UnsafeAddressError';
  }
}

/**
 * The addresses to connect to for a host of a parsed URL, all of them public (or all loopback, where that is allowed): one
 * that is not spoils the others, since a name may answer with both. Rejects with {@link UnsafeAddressError}, or as the
 * resolver does. The URL parser has already read decimal, octal and hexadecimal forms.
 */
export async function safeAddresses(hostname: string, rules: AddressRules): Promise<Address[]> {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(literal);
  const found =
    family === 0
      ? await (rules.resolve ?? resolveAll)(hostname)
      : [{ address: literal, family: family === 4 ? (4 as const) : (6 as const) }];
  const isSafe = found.every(({ address }) => isAllowed(address, rules.allowLoopback));
  if (found.length === 0 || !isSafe) throw new UnsafeAddressError();
  return found;
}

/**
 * Addresses that wrap an IPv4 one (mapped, compatible, 6to4, NAT64, Teredo) count as what they lead to, or not at all: of
 * IPv6 only 2000::/3 is handed out to the public.
 */
export function rangeOf(address: string): 'public' | 'loopback' | 'other' {
  if (!ipaddr.isValid(address)) return 'other';
  const parsed = ipaddr.process(address);
  const range = parsed.range();
  if (range === 'loopback') return 'loopback';
  const isHandedOut = parsed.kind() === 'ipv4' || (parsed.toByteArray()[0] ?? 0) >> 5 === 1;
  return range === 'unicast' && isHandedOut ? 'public' : 'other';
}

function isAllowed(address: string, allowLoopback: boolean): boolean {
  const range = rangeOf(address);
  return range === 'public' || (allowLoopback && range === 'loopback');
}

async function resolveAll(hostname: string): Promise<Address[]> {
  const found = await systemLookup(hostname, { all: true, verbatim: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}

/** True for a base URL whose host is this machine by name or by number. */
export function isLoopbackUrl(url: string): boolean {
  const hostname = new URL(url).hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  return hostname === 'localhost' || hostname.endsWith('.localhost') || rangeOf(hostname) === 'loopback';
}
