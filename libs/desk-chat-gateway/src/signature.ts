import { crc32 } from 'node:zlib';
import { flattenedVerify } from 'jose';
import { WebhookRefusedError } from '#core';
import type { WebhookRequest } from '#core';
import { isKeyId } from './keys.js';
import type { SigningKeys } from './keys.js';

/** What the signed headers say of an event. */
export interface SignedEnvelope {
  /** Ours, whose ids it carries. */
  tenantId: string;
  /** Unique for ever: the dedupe key, and with it the protection against replays. */
  eventId: string;
  /** When this transmission left the far side, epoch milliseconds; renewed on each retry. */
  transmittedAt: number;
  /** 0 for the first transmission. */
  retry: number;
}

/** A tenant of ours whose events we take: by the two ids that the far side knows it by, and by keys that it was given for it. */
export interface ExpectedSender {
  tenantId: string;
  chatGateway: { tenantId: string; customerId: string };
  keys: Pick<SigningKeys, 'get'>;
}

const MAX_CLOCK_DIFFERENCE_MS = 300_000;
/** Printable, without what JSON would escape: the payload text below has only one reading. */
const ID = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;
/** No leading zeros: the number is signed as a number, so `01` would pass for `1`. */
const WHOLE_NUMBER = /^(0|[1-9]\d{0,14})$/;
/** Header, empty payload, signature of an RSA key of at most 8192 bits. */
const DETACHED_JWS = /^([A-Za-z0-9_-]{1,1024})\.\.([A-Za-z0-9_-]{342,1366})$/;

/**
 * Verifies the detached JWS of an event (RFC 7515 and 7797, 8x8 Chat Gateway reference). The signature covers a
 * CRC of the body, which is no cryptographic hash: with one captured header set another body can be made to fit.
 * What bounds that is the event id's uniqueness and the transmission time, so both are part of verifying.
 * Refuses with 401, or with 503 when the key cannot be had. The signature header is never logged.
 */
export class EventSignature {
  constructor(
    private readonly senders: readonly ExpectedSender[],
    private readonly now: () => number = Date.now,
  ) {}

  async verify(request: Pick<WebhookRequest, 'headers' | 'body'>): Promise<SignedEnvelope> {
    const header = (name: string, shape: RegExp): string => shaped(request.headers[`x-8x8-${name}`], shape);
    const tenantId = header('tenant-id', ID);
    const customerId = header('customer-id', ID);
    const eventId = header('event-id', ID);
    const transmittedAt = Number(header('transmission-time', WHOLE_NUMBER));
    const retry = Number(header('retry', WHOLE_NUMBER));
    const [protectedHeader, signature] = splitJws(request.headers['x-8x8-signature']);

    // Cheap checks first: only who knows our ids and the time can make us look for a key.
    const sender = this.sender(tenantId, customerId);
    if (Math.abs(this.now() - transmittedAt) > MAX_CLOCK_DIFFERENCE_MS) throw refused('transmission-time');
    const found = await sender.keys.get(keyIdOf(protectedHeader));
    if ('refused' in found) {
      throw found.refused === 'unknown' ? refused('key') : new WebhookRefusedError(503, 'key-unavailable');
    }

    const ids = {
      cid: JSON.stringify(customerId),
      eid: JSON.stringify(eventId),
      tid: JSON.stringify(tenantId),
    };
    // Exactly this text, in this order and without spaces, is what the far side signs.
    const payload =
      `{"checksum":${crc32(request.body)},"cid":${ids.cid},"eid":${ids.eid},` +
      `"retry":${retry},"tid":${ids.tid},"tt":${transmittedAt}}`;
    try {
      await flattenedVerify({ protected: protectedHeader, payload, signature }, found.key, {
        algorithms: ['RS256'],
      });
    } catch {
      throw refused('signature');
    }
    return { tenantId: sender.tenantId, eventId, transmittedAt, retry };
  }

  private sender(tenantId: string, customerId: string): ExpectedSender {
    const ofTenant = this.senders.filter(({ chatGateway }) => chatGateway.tenantId === tenantId);
    const sender = ofTenant.find(({ chatGateway }) => chatGateway.customerId === customerId);
    if (sender) return sender;
    const isMixed =
      ofTenant.length > 0 && this.senders.some(({ chatGateway }) => chatGateway.customerId === customerId);
    throw refused(isMixed ? 'mixed-sender' : 'sender');
  }
}

function shaped(value: string | string[] | undefined, shape: RegExp): string {
  if (value === undefined) throw refused('header-missing');
  if (typeof value !== 'string' || !shape.test(value)) throw refused('header-malformed');
  return value;
}

function splitJws(value: string | string[] | undefined): [protectedHeader: string, signature: string] {
  const [, protectedHeader = '', signature = ''] = DETACHED_JWS.exec(shaped(value, DETACHED_JWS)) ?? [];
  // The last character of unpadded base64url has spare bits that decoders ignore: only one spelling is the right one.
  if (!isCanonical(protectedHeader) || !isCanonical(signature)) throw refused('header-malformed');
  return [protectedHeader, signature];
}

function isCanonical(text: string): boolean {
  return Buffer.from(text, 'base64url').toString('base64url') === text;
}

/** The key id of a protected header that is exactly of the documented form. */
function keyIdOf(protectedHeader: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(protectedHeader, 'base64url').toString('utf8'));
  } catch {
    throw refused('protected-header');
  }
  if (typeof parsed !== 'object' || parsed === null) throw refused('protected-header');
  const { alg, b64, crit, kid } = parsed as Record<string, unknown>;
  const critical = Array.isArray(crit) && crit.length === 1 && crit[0] === 'b64';
  if (alg !== 'RS256' || b64 !== false || !critical || !isKeyId(kid)) throw refused('protected-header');
  return kid;
}

function refused(reason: string): WebhookRefusedError {
  return new WebhookRefusedError(401, reason);
}
