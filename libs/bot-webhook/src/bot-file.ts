import { DeliveryError, MediaRefusedError, sizeDetail, type CallContext, type MediaStream } from '#core';
import { fetchMedia, MediaFetchError } from '#platform';

const CONNECT_MS = 3_000;
const IDLE_MS = 10_000;
const TOTAL_MS = 120_000;
/** Allows neither this machine nor a port of its own. */
const NOWHERE = 'https://bot.invalid';

export interface BotFileRequest {
  url: string;
  filename?: string;
  /** Files on this machine are fetched for a bot on this machine only. */
  botUrl?: string;
  maxBytes: number;
}

/** Opens a file that a bot names by its address, without credentials. Throws as `BotPort.fetchFile` says. */
export async function fetchBotFile(
  { url, filename, botUrl = NOWHERE, maxBytes }: BotFileRequest,
  context: CallContext,
): Promise<MediaStream> {
  const limits = {
    connectMs: Math.min(CONNECT_MS, context.timeoutMs),
    firstByteMs: context.timeoutMs,
    idleMs: IDLE_MS,
    totalMs: TOTAL_MS,
    maxBytes,
  };
  const toError = (error: MediaFetchError) => asPortError(error, maxBytes);
  try {
    const media = await fetchMedia({ url, baseUrl: botUrl, limits, toError });
    return { ...media, ...(filename !== undefined && { filename }) };
  } catch (error) {
    throw error instanceof MediaFetchError ? toError(error) : error;
  }
}

/** None carries a status: where a bot keeps its files says nothing of the bot. */
function asPortError(error: MediaFetchError, maxBytes: number): Error {
  const { code, answer } = error;
  if (code === 'unsafe-address' || code === 'too-many-redirects') {
    return new MediaRefusedError({ refused: 'unsafe-address' });
  }
  if (code === 'encoded') return new MediaRefusedError({ refused: 'unreadable' });
  if (code === 'too-large') {
    return new MediaRefusedError({
      refused: 'too-large',
      detail: sizeDetail(answer.declaredBytes, maxBytes),
    });
  }
  const isMissing = answer.status === 404 || answer.status === 410;
  return new DeliveryError('not-sent', { code: isMissing ? 'attachment-not-found' : code, cause: error });
}
