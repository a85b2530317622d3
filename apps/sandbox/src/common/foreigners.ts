import type { IncomingHttpHeaders } from 'node:http';

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[?::1\]?)(:\d+)?$/;

/**
 * Whether a call comes from another site that is open in the same browser: it names its own origin, or a host name of its own that
 * leads here. Nothing of the sandbox asks for a password, so it answers to its own address only.
 *
 * @param listensOn where the server listens; one that is meant to be reached from elsewhere has names that nobody knows here
 */
export function isForeign({ host = '', origin }: IncomingHttpHeaders, listensOn: string): boolean {
  if (origin !== undefined && URL.parse(origin)?.host !== host) return true;
  return LOOPBACK.test(listensOn) && !LOOPBACK.test(host);
}
