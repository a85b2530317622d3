import { Agent, type Dispatcher, request } from 'undici';
import type { MediumContent } from './media.js';
import { maxBytes, tooLarge, wrongKind } from './media-limits.js';

/** What is said of a medium that cannot be fetched. */
const NOT_FETCHED = 63019;
const MAX_REDIRECTS = 2;
const TIMEOUT_MS = 15_000;

/** A code to fail with, instead of a result. */
class MediaError extends Error {
  override readonly name = 'MediaError';

  constructor(readonly code: number) {
    super(`media error ${code}`);
  }
}

/** Fetches the media of our messages as Twilio does: HEAD, then GET, then a look at the bytes. */
export class MediaFetcher {
  readonly #agent = new Agent({ pipelining: 0 });

  /** The media, or the code that the message fails with. */
  async fetch(urls: readonly string[], to: string, signal: AbortSignal): Promise<MediumContent[] | number> {
    const contents: MediumContent[] = [];
    try {
      for (const url of urls) contents.push(await this.#one(url, to, signal));
    } catch (cause) {
      if (signal.aborted) throw cause;
      return cause instanceof MediaError ? cause.code : NOT_FETCHED;
    }
    const total = contents.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return total > maxBytes(to, '') ? tooLarge(to) : contents;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #one(url: string, to: string, signal: AbortSignal): Promise<MediumContent> {
    const head = await this.#ask('HEAD', url, signal);
    await head.body.dump();
    const { body, headers } = await this.#ask('GET', url, signal);
    const contentType = text(headers['content-type']).split(';')[0]?.trim().toLowerCase() ?? '';
    const limit = maxBytes(to, contentType);
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of body) {
      chunks.push(Buffer.from(chunk));
      length += chunks.at(-1)?.length ?? 0;
      // Leaving the loop gives the connection up.
      if (length > limit) throw new MediaError(tooLarge(to));
    }
    if (length === 0) throw new MediaError(NOT_FETCHED);
    const bytes = Buffer.concat(chunks);
    const code = await wrongKind(to, contentType, bytes);
    if (code !== undefined) throw new MediaError(code);
    return { contentType, bytes, fileName: fileNameOf(text(headers['content-disposition'])) };
  }

  async #ask(method: 'HEAD' | 'GET', url: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    let at = url;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const response = await request(at, {
        method,
        dispatcher: this.#agent,
        headers: { 'user-agent': 'TwilioProxy/1.1', accept: '*/*' },
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
        signal: AbortSignal.any([signal, AbortSignal.timeout(2 * TIMEOUT_MS)]),
      });
      const location = text(response.headers['location']);
      if (response.statusCode >= 200 && response.statusCode < 300) return response;
      await response.body.dump();
      const next = response.statusCode >= 300 && response.statusCode < 400 ? URL.parse(location, at) : null;
      if (next === null) break;
      at = next.href;
    }
    throw new MediaError(NOT_FETCHED);
  }
}

function text(header: string | string[] | undefined): string {
  return (Array.isArray(header) ? header[0] : header) ?? '';
}

function fileNameOf(disposition: string): string | undefined {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1];
  return encoded === undefined
    ? /filename="?([^";]+)"?/i.exec(disposition)?.[1]
    : decodeURIComponent(encoded);
}
