import { DeliveryError, MediaRefusedError, sizeDetail, WebFiles, type MediaStream } from '#core';
import { fetchMedia, MediaFetchError } from '#platform';

const CONNECT_MS = 3_000;
const IDLE_MS = 10_000;

/** Files at addresses that bots have chosen: of this machine only where the service itself runs for development. */
export class SafeWebFiles extends WebFiles {
  constructor(private readonly publicBaseUrl: string) {
    super();
  }

  override async open(
    { url, maxBytes }: { url: string; maxBytes: number },
    { timeoutMs }: { timeoutMs: number },
  ): Promise<MediaStream> {
    const toError = (error: MediaFetchError) => asPortError(error, maxBytes);
    try {
      return await fetchMedia({
        url,
        baseUrl: this.publicBaseUrl,
        limits: {
          connectMs: Math.min(CONNECT_MS, timeoutMs),
          firstByteMs: timeoutMs,
          idleMs: IDLE_MS,
          totalMs: timeoutMs,
          maxBytes,
        },
        toError,
      });
    } catch (error) {
      throw error instanceof MediaFetchError ? toError(error) : error;
    }
  }
}

function asPortError({ code, answer, cause }: MediaFetchError, maxBytes: number): Error {
  if (code === 'unsafe-address' || code === 'too-many-redirects')
    return new MediaRefusedError({ refused: 'unsafe-address' });
  if (code === 'encoded') return new MediaRefusedError({ refused: 'unreadable' });
  if (code === 'too-large') {
    return new MediaRefusedError({
      refused: 'too-large',
      detail: sizeDetail(answer.declaredBytes, maxBytes),
    });
  }
  // What is not there, or not for us, will not be there later: nobody else is to answer for it.
  const { status = 0 } = answer;
  if (status >= 400 && status < 500 && status !== 408 && status !== 429)
    return new MediaRefusedError({ refused: 'not-found' });
  return new DeliveryError('not-sent', { code: 'media-not-fetched', cause });
}
