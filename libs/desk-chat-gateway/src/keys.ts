import { importJWK } from 'jose';
import type { CryptoKey } from 'jose';

/** What the key service says to one look-up. */
export type KeyAnswer = { found: true; jwk: unknown } | { found: false };

/** The key service; rejects whenever it cannot give an answer (unreachable, 5xx, nonsense). */
export type FetchKey = (kid: string) => Promise<KeyAnswer>;

/** `unknown`: the far side has no such key, or one we do not accept. `unavailable`: nobody could say. */
export type KeyLookup = { key: CryptoKey } | { refused: 'unknown' | 'unavailable' };

const MAX_KEYS = 100;
const KEY_LIFE_MS = 3_600_000;
/** From this age on a key in use is fetched anew beside the traffic, so that its end of life delays nobody. */
const REFRESH_AFTER_MS = 3_000_000;
const REFRESH_RETRY_MS = 10_000;
const MAX_UNKNOWN = 1000;
const UNKNOWN_LIFE_MS = 60_000;
const LOOKUP_SPACING_MS = 1000;
const MIN_MODULUS_BITS = 2048;
const KID = /^[A-Za-z0-9_-]{1,64}$/;

/** Whether a key id may be looked up at all: whoever calls chooses it, before anything is verified. */
export function isKeyId(kid: unknown): kid is string {
  return typeof kid === 'string' && KID.test(kid);
}

/**
 * The far side's public keys by id: a bounded cache with a life, a bounded memory of unknown ids, one look-up in
 * flight per id and at most one started per second over all. Ids that are or were good go first, so that a flood
 * of invented ids neither delays nor displaces them (8x8 Chat Gateway reference).
 */
export class SigningKeys {
  private readonly keys = new Map<string, { key: CryptoKey; fetchedAt: number; refreshAt: number }>();
  private readonly unknown = new Map<string, number>();
  private readonly inFlight = new Map<string, Promise<KeyLookup>>();
  /** Good ids in use whose key is old: they get the next look-up, whoever asks. */
  private readonly due = new Set<string>();
  private lastLookupAt = -Infinity;

  constructor(
    private readonly fetchKey: FetchKey,
    /** Milliseconds that only go forward. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Never rejects. */
  async get(kid: string): Promise<KeyLookup> {
    const now = this.now();
    const cached = this.keys.get(kid);
    if (cached && now >= cached.refreshAt) this.due.add(kid);
    if (cached && now < cached.fetchedAt + KEY_LIFE_MS) {
      if (this.due.has(kid)) this.startLookup(kid);
      return { key: cached.key };
    }
    const unknownSince = this.unknown.get(kid);
    if (unknownSince !== undefined && now < unknownSince + UNKNOWN_LIFE_MS) return { refused: 'unknown' };
    this.startLookup(kid);
    return (await this.inFlight.get(kid)) ?? { refused: 'unavailable' };
  }

  /** Starts a look-up when one may start: of a good id that waits, else of the one asked for. */
  private startLookup(asked: string): void {
    if (this.now() < this.lastLookupAt + LOOKUP_SPACING_MS) return;
    const waiting = [...this.due].find((kid) => !this.inFlight.has(kid));
    const kid = this.due.has(asked) ? asked : (waiting ?? asked);
    if (this.inFlight.has(kid)) return;
    this.lastLookupAt = this.now();
    this.inFlight.set(
      kid,
      this.lookUp(kid).finally(() => this.inFlight.delete(kid)),
    );
  }

  private async lookUp(kid: string): Promise<KeyLookup> {
    let key: CryptoKey | undefined;
    try {
      const answer = await this.fetchKey(kid);
      key = answer.found ? await acceptableKey(answer.jwk, kid) : undefined;
    } catch {
      // The reason is the key service's; whoever waits is told to come again. A good id steps back for a while.
      const known = this.keys.get(kid);
      if (known) known.refreshAt = this.now() + REFRESH_RETRY_MS;
      return { refused: 'unavailable' };
    } finally {
      this.due.delete(kid);
    }
    if (!key) {
      this.keys.delete(kid);
      remember(this.unknown, kid, this.now(), MAX_UNKNOWN);
      return { refused: 'unknown' };
    }
    const fetchedAt = this.now();
    this.unknown.delete(kid);
    remember(this.keys, kid, { key, fetchedAt, refreshAt: fetchedAt + REFRESH_AFTER_MS }, MAX_KEYS);
    return { key };
  }
}

/** The key when it is one we accept: RSA of 2048 bits or more, for RS256. Throws when the answer is no key at all. */
async function acceptableKey(jwk: unknown, kid: string): Promise<CryptoKey | undefined> {
  if (typeof jwk !== 'object' || jwk === null) throw new Error('The key service answered something else.');
  const { kty, n, e, kid: itsKid, alg } = jwk as Record<string, unknown>;
  if (typeof kty !== 'string') throw new Error('The key service answered something else.');
  if (kty !== 'RSA' || typeof n !== 'string' || typeof e !== 'string') return undefined;
  if ((itsKid !== undefined && itsKid !== kid) || (alg !== undefined && alg !== 'RS256')) return undefined;
  // Only these members: whatever else the answer holds (`d`, `key_ops`) must not make another key of it.
  const key = await importJWK({ kty, n, e }, 'RS256');
  if (key instanceof Uint8Array) return undefined;
  const bits = 'modulusLength' in key.algorithm ? key.algorithm.modulusLength : undefined;
  return typeof bits === 'number' && bits >= MIN_MODULUS_BITS ? key : undefined;
}

function remember<T>(map: Map<string, T>, id: string, value: T, max: number): void {
  map.delete(id);
  map.set(id, value);
  for (const oldest of map.keys()) {
    if (map.size <= max) return;
    map.delete(oldest);
  }
}
