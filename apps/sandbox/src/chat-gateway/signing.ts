import { generateKeyPair, type KeyObject, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';

export interface SigningKey {
  kid: string;
  privateKey: KeyObject;
  /** As `GET /jwk/{kid}/public` answers. */
  publicJwk: { kty: 'RSA'; e: string; kid: string; n: string };
}

/** What the signature covers; the body only through its CRC32. */
export interface SignedFacts {
  customerId: string;
  tenantId: string;
  eventId: string;
  retry: number;
  transmissionTimeMs: number;
  body: string;
}

export async function newSigningKey(modulusLength = 2048): Promise<SigningKey> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength });
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const kid = randomBytes(16).toString('base64url');
  return { kid, privateKey, publicJwk: { kty: 'RSA', e, kid, n } };
}

/**
 * `x-8x8-signature`: an RS256 detached JWS with an unencoded payload (RFC 7515, RFC 7797). The payload is a JSON text of
 * fixed key order, not the body.
 */
export function signEvent(key: SigningKey, facts: SignedFacts): string {
  const header = { b64: false, crit: ['b64'], kid: key.kid, alg: 'RS256' };
  const protectedHeader = Buffer.from(JSON.stringify(header)).toString('base64url');
  const payload = JSON.stringify({
    checksum: crc32(facts.body),
    cid: facts.customerId,
    eid: facts.eventId,
    retry: facts.retry,
    tid: facts.tenantId,
    tt: facts.transmissionTimeMs,
  });
  const signature = sign('RSA-SHA256', Buffer.from(`${protectedHeader}.${payload}`), key.privateKey);
  return `${protectedHeader}..${signature.toString('base64url')}`;
}

/** The five headers of an event beside its signature. */
export function eventHeaders(facts: SignedFacts): Record<string, string> {
  return {
    'x-8x8-tenant-id': facts.tenantId,
    'x-8x8-customer-id': facts.customerId,
    'x-8x8-event-id': facts.eventId,
    'x-8x8-transmission-time': String(facts.transmissionTimeMs),
    'x-8x8-retry': String(facts.retry),
  };
}
