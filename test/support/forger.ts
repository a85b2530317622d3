import { randomUUID } from 'node:crypto';
import { request, type IncomingMessage } from 'node:http';
import { crc32 } from 'node:zlib';
import {
  eventHeaders,
  newSigningKey,
  signEvent,
  twilioSignature,
  type SigningKey,
} from '../../apps/sandbox/src/index.js';
import { CANARIES } from './canaries.js';
import type { System } from './system.js';

/** A request as somebody sends it, and can send it again. */
export interface Forgery {
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** How much of a body is sent at once. */
const AT_ONCE = 512 * 1024;

type Pairs = [name: string, value: string][];

/** Makes webhooks of either provider, signed with its own secrets unless told otherwise. */
export class Forger {
  private constructor(
    private readonly system: System,
    readonly key: SigningKey,
  ) {}

  static async start(system: System): Promise<Forger> {
    const key = await newSigningKey();
    system.desk.publishKey(key);
    return new Forger(system, key);
  }

  /** A text of a customer; `changes` replace fields, `more` come beside them. */
  text(changes: Record<string, string> = {}, more: Pairs = []): Forgery {
    const fields = {
      AccountSid: CANARIES.accountSid,
      MessageSid: `SM${randomUUID().replaceAll('-', '')}`,
      From: `${CANARIES.customerPrefix}999999`,
      To: '+15550100',
      Body: CANARIES.text,
      ...changes,
    };
    return this.form('/webhooks/twilio/messages', [...Object.entries(fields), ...more]);
  }

  form(path: string, pairs: Pairs, token: string = CANARIES.authToken): Forgery {
    return {
      path,
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
        // Values of one name are signed in their own order.
        'x-twilio-signature': twilioSignature(token, this.system.url + path, pairs.toSorted(byValue)),
      },
      body: new URLSearchParams(pairs).toString(),
    };
  }

  event(body: string, changes: { key?: SigningKey; eventId?: string; transmittedAt?: number } = {}): Forgery {
    const { key = this.key, eventId = randomUUID(), transmittedAt = Date.now() } = changes;
    const facts = {
      customerId: 'customer-1',
      tenantId: 'tenant-1',
      eventId,
      retry: 0,
      transmissionTimeMs: transmittedAt,
      body,
    };
    return {
      path: '/webhooks/chat-gateway',
      headers: {
        'content-type': 'application/json',
        ...eventHeaders(facts),
        'x-8x8-signature': signEvent(key, facts),
      },
      body,
    };
  }

  /**
   * The status of a gateway's answer, by no proxy: an answer may come while the body is still on its way, and be lost when
   * the connection closes over what nobody reads. So a large body waits for it a little.
   */
  async send({ path, headers, body }: Forgery): Promise<number> {
    return new Promise((resolve, reject) => {
      const options = {
        method: 'POST',
        agent: false,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      };
      const port = this.system.gateways.find(({ running }) => running)?.port;
      const sent = request(`http://127.0.0.1:${port}${path}`, options, (response: IncomingMessage) => {
        clearTimeout(rest);
        response.on('error', () => undefined).resume();
        resolve(response.statusCode ?? 0);
      }).on('error', reject);
      const first = body.slice(0, AT_ONCE);
      sent.write(first);
      const rest = setTimeout(() => sent.end(body.slice(AT_ONCE)), first === body ? 0 : 2_000);
    });
  }
}

function byValue([, a]: [string, string], [, b]: [string, string]): number {
  return a < b ? -1 : Number(a > b);
}

/**
 * Another text with the same CRC32: `frame` around letters that are chosen so that the sum comes out right. A sum is
 * linear in the bits of what it sums, so 64 letters that may be one of two are more than enough.
 */
export function withChecksum(target: number, frame: (letters: string) => string): string {
  const letters = Array.from({ length: 64 }, () => '`');
  const sum = (of: string[]) => crc32(frame(of.join(''))) >>> 0;
  const start = sum(letters);
  const rows = letters.map((_, at) => ({
    effect: (sum(letters.with(at, 'a')) ^ start) >>> 0,
    flips: 1n << BigInt(at),
  }));
  let wanted = (target ^ start) >>> 0;
  let flips = 0n;
  for (let bit = 31; bit >= 0; bit -= 1) {
    const at = rows.findIndex(({ effect }) => (effect >>> bit) & 1);
    const [pivot] = at < 0 ? [] : rows.splice(at, 1);
    if (!pivot) continue;
    for (const row of rows) {
      if (!((row.effect >>> bit) & 1)) continue;
      row.effect = (row.effect ^ pivot.effect) >>> 0;
      row.flips ^= pivot.flips;
    }
    if (!((wanted >>> bit) & 1)) continue;
    wanted = (wanted ^ pivot.effect) >>> 0;
    flips ^= pivot.flips;
  }
  return frame(letters.map((letter, at) => ((flips >> BigInt(at)) & 1n ? 'a' : letter)).join(''));
}
