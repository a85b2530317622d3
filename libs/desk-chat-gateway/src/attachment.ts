import {
  DeliveryError,
  MediaRefusedError,
  sizeDetail,
  type Attachment,
  type CallContext,
  type MediaStream,
} from '#core';
import { fetchMedia, MediaFetchError, type MediaFetchRequest } from '#platform';
import type { ChatGatewayClient } from './client.js';

const CONNECT_MS = 3_000;
const IDLE_MS = 10_000;
const TOTAL_MS = 120_000;

export interface AttachmentRequest {
  deskConversationId: string;
  attachment: Attachment;
  maxBytes: number;
}

/**
 * Opens an agent's file: by its id through the API, else by its pre-signed URL, which may have expired and gets no credentials.
 * Throws `DeliveryError`, with a status where the desk itself answered it, or `MediaRefusedError` where it may never be fetched.
 */
export async function fetchAttachment(
  client: ChatGatewayClient,
  { deskConversationId, attachment, maxBytes }: AttachmentRequest,
  context: CallContext,
): Promise<MediaStream> {
  const { id, url, filename } = attachment;
  const limits = {
    connectMs: Math.min(CONNECT_MS, context.timeoutMs),
    firstByteMs: context.timeoutMs,
    idleMs: IDLE_MS,
    totalMs: TOTAL_MS,
    maxBytes,
  };
  const open = async (request: Omit<MediaFetchRequest, 'limits' | 'toError'>): Promise<MediaStream> => {
    const withKey = request.headers !== undefined;
    const errorOf = (error: MediaFetchError) => asPortError(client, error, { maxBytes, withKey });
    try {
      const media = await fetchMedia({ ...request, limits, toError: errorOf });
      return { ...media, ...(filename !== undefined && { filename }) };
    } catch (error) {
      throw error instanceof MediaFetchError ? errorOf(error) : error;
    }
  };
  let failure: unknown = new MediaRefusedError({ refused: 'not-found' });
  if (id !== undefined && deskConversationId !== '') {
    try {
      return await open(client.attachmentAt(deskConversationId, id));
    } catch (error) {
      if (error instanceof MediaRefusedError && error.refusal.refused === 'too-large') throw error;
      failure = error;
    }
  }
  if (url === undefined) throw failure;
  // What the way through the API says outranks what an old URL does.
  return open({ url, baseUrl: client.baseUrl }).catch((error: unknown) => {
    throw id === undefined ? error : failure;
  });
}

function asPortError(
  client: ChatGatewayClient,
  error: MediaFetchError,
  { maxBytes, withKey }: { maxBytes: number; withKey: boolean },
): Error {
  const { code, answer } = error;
  const { status, retryAfter, declaredBytes, hop } = answer;
  if (code === 'unsafe-address' || code === 'too-many-redirects') {
    return new MediaRefusedError({ refused: 'unsafe-address' });
  }
  if (code === 'encoded') return new MediaRefusedError({ refused: 'unreadable' });
  if (code === 'too-large') {
    return new MediaRefusedError({ refused: 'too-large', detail: sizeDetail(declaredBytes, maxBytes) });
  }
  if (status === undefined) return new DeliveryError('not-sent', { code, cause: error });
  const refusal = client.refusal('read', status, retryAfter);
  // Only who was shown our key can refuse it, and only the desk's own answers say anything of the desk.
  const isDesk = withKey && hop === 0;
  if (refusal.kind === 'credentials' && isDesk) return refusal;
  const isMissing = status === 404 || status === 410;
  return new DeliveryError('not-sent', {
    code: isMissing ? 'attachment-not-found' : refusal.code,
    ...(isDesk && { httpStatus: status }),
    retryAfterMs: refusal.retryAfterMs,
  });
}
