import { ChannelPort, DeliveryError, MediaRefusedError, splitText, transportError } from '#core';
import type {
  CallContext,
  CarriedFile,
  ChannelCapabilities,
  FetchedReceipt,
  FindSent,
  InboundMessageReceived,
  ListedInbound,
  ListedSpan,
  LookUp,
  MediaCapabilities,
  MediaStream,
  MessageContent,
  PartContent,
  SendPart,
  SenderNumber,
  Sent,
  SentCandidate,
} from '#core';
import { fetchMedia, MediaFetchError, ProviderHttpError, type ProviderHttp } from '#platform';
import { refusal } from './errors.js';
import { inboundOf, receiptOf, type PigeonMessage, type PigeonText } from './posts.js';

export interface PigeonOptions {
  apiBaseUrl: string;
  apiKey: string;
  /** Where the provider reaches us. */
  publicBaseUrl: string;
}

const MAX_TEXT_LENGTH = 1_000;
const MAX_TTL_SECONDS = 86_400;
/** A customer's file may come after its message. */
const MEDIA_LATE_MS = 60_000;

/** A provider that does not exist, to show what an adapter is made of: docs/adding-a-channel.md. */
export class PigeonChannel extends ChannelPort {
  readonly capabilities: ChannelCapabilities = {
    maxTextLength: MAX_TEXT_LENGTH,
    replyWindowMs: {},
    receipts: true,
    typing: false,
  };

  constructor(
    private readonly http: Pick<ProviderHttp, 'request'>,
    private readonly options: PigeonOptions,
  ) {
    super();
  }

  render(content: MessageContent): PartContent[] {
    if (content.type === 'template') {
      const { contentSid: sid, variables } = content;
      return [{ content: { sid, ...(variables && { variables }) } }];
    }
    const text = 'text' in content ? content.text : content.type === 'choice' ? content.title : undefined;
    return splitText(text || `[${content.type}]`, MAX_TEXT_LENGTH).map((part) => ({ text: part }));
  }

  mediaCapabilities(_number: SenderNumber): MediaCapabilities {
    return {
      maxPerPart: 4,
      maxBytesPerPart: 1_000_000,
      maxCaptionLength: 0,
      scaledImageBytes: 500_000,
      rules: [{ types: ['image/png', 'image/jpeg'], maxBytes: 1_000_000, caption: false }],
    };
  }

  attach(parts: PartContent[], files: CarriedFile[], number: SenderNumber): PartContent[] {
    const { maxBytesPerPart, maxPerPart } = this.mediaCapabilities(number);
    const attached = [...parts];
    for (const file of files) {
      if ('link' in file) attached.push({ text: `${file.filename}: ${file.link}` });
      else {
        const { media = [] } = attached.at(-1) ?? {};
        const bytes = media.reduce((sum, one) => sum + one.bytes, file.media.bytes);
        const isFull = media.length === 0 || media.length >= maxPerPart || bytes > maxBytesPerPart;
        if (isFull) attached.push({ media: [file.media] });
        else attached.splice(-1, 1, { media: [...media, file.media] });
      }
    }
    return attached;
  }

  async send(request: SendPart, context: CallContext): Promise<Sent> {
    const { number, to, part, attempt, mediaUrls = [], expiresInMs } = request;
    const callback = `${this.options.publicBaseUrl}/webhooks/pigeon/status?m=${attempt.messageId}&a=${attempt.attemptId}`;
    const body = {
      from: number.address,
      to,
      text: part.text ?? '',
      files: mediaUrls,
      callback,
      ...(expiresInMs !== undefined && { ttl: ttlSeconds(expiresInMs) }),
    };
    const { httpStatus, answer } = await this.call('POST', '/messages', context, body);
    const { id } = answer as Partial<PigeonMessage>;
    // A success without an id may come from something in between.
    if (typeof id !== 'string')
      throw new DeliveryError('uncertain', { code: 'unreadable-answer', httpStatus });
    return { providerId: id, httpStatus, receipt: 'queued' };
  }

  async findSent({ to, number, part, since, known }: FindSent, context: CallContext) {
    const query = new URLSearchParams({ to, since: String(since) });
    const sent = await this.list<PigeonMessage>(`/messages?${query.toString()}`, context);
    if (sent === 'impossible') return sent;
    const ids = new Set(sent.map(({ id }) => id));
    if (!known.every((id) => ids.has(id))) throw new DeliveryError('not-sent', { code: 'list-incomplete' });
    return sent
      .filter(({ from, text, files }) => {
        const isSame = from === number.address && text === (part.text ?? '');
        return isSame && files.length === (part.media?.length ?? 0);
      })
      .map(({ id }): SentCandidate => ({ providerId: id }));
  }

  async listReceived(
    { tenantId, number, since, until }: Parameters<ChannelPort['listReceived']>[0],
    context: CallContext,
  ): Promise<ListedSpan> {
    const span = { since: String(since.getTime()), until: String(until.getTime()) };
    const query = new URLSearchParams({ to: number.address, ...span });
    const texts = await this.list<PigeonText>(`/received?${query.toString()}`, context);
    if (texts === 'impossible') throw new DeliveryError('not-sent', { code: 'no-list' });
    const messages = texts.map((text) => ({
      event: inboundOf(tenantId, text),
      attachments: text.files?.length ?? 0,
    }));
    return { messages, complete: true };
  }

  /** The list has named the files already. */
  readListed({ event }: ListedInbound): Promise<InboundMessageReceived> {
    return Promise.resolve(event);
  }

  /** The provider has nothing of the kind. */
  typing(): Promise<void> {
    return Promise.resolve();
  }

  async fetchReceipt(
    { providerId }: { account: string; providerId: string },
    context: CallContext,
  ): Promise<FetchedReceipt | undefined> {
    try {
      const { answer } = await this.call('GET', `/messages/${encodeURIComponent(providerId)}`, context);
      return receiptOf(answer as PigeonMessage);
    } catch (error) {
      if (error instanceof DeliveryError && error.httpStatus === 404) return undefined;
      throw withoutEffect(error);
    }
  }

  async fetchMedia(
    { url, ageMs, maxBytes }: Parameters<ChannelPort['fetchMedia']>[0],
    { timeoutMs }: CallContext,
  ): Promise<MediaStream> {
    if (!this.isOwnMedia(url)) throw new MediaRefusedError({ refused: 'unsafe-address' });
    const { apiBaseUrl: baseUrl, apiKey } = this.options;
    const limits = {
      connectMs: timeoutMs,
      firstByteMs: timeoutMs,
      idleMs: timeoutMs,
      totalMs: timeoutMs,
      maxBytes,
    };
    const toError = (error: MediaFetchError) => mediaError(error, ageMs);
    try {
      return await fetchMedia({ url, baseUrl, authorization: `Bearer ${apiKey}`, limits, toError });
    } catch (error) {
      throw error instanceof MediaFetchError ? toError(error) : error;
    }
  }

  async deleteMedia({ url }: { account: string; url: string }, context: CallContext): Promise<void> {
    if (!this.isOwnMedia(url)) return;
    try {
      await this.call('DELETE', new URL(url).pathname, context);
    } catch (error) {
      if (!(error instanceof DeliveryError) || error.httpStatus !== 404) throw withoutEffect(error);
    }
  }

  /** Compared as it is written and as it is understood. */
  private isOwnMedia(url: string): boolean {
    const own = `${this.options.apiBaseUrl}/files/`;
    return url.startsWith(own) && URL.canParse(url) && new URL(url).href === url;
  }

  /** `impossible` where there is no such list; what fails is no empty list. */
  private async list<T>(path: string, context: CallContext): Promise<LookUp<T[]>> {
    try {
      const { answer } = await this.call('GET', path, context);
      const { items } = answer as { items?: T[] };
      if (Array.isArray(items)) return items;
      throw new DeliveryError('not-sent', { code: 'unreadable-answer' });
    } catch (error) {
      if (error instanceof DeliveryError && error.httpStatus === 404) return 'impossible';
      throw withoutEffect(error);
    }
  }

  /** The one place that turns what happens on the wire into a {@link DeliveryError}. */
  private async call(method: 'GET' | 'POST' | 'DELETE', path: string, context: CallContext, body?: object) {
    const { apiBaseUrl, apiKey } = this.options;
    try {
      const response = await this.http.request({
        method,
        url: apiBaseUrl + path,
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
        timeoutMs: context.timeoutMs,
        beforeFirstByte: context.beforeFirstByte,
      });
      const { status, headers } = response;
      const answer = parsed(response.body);
      if (status < 200 || status >= 300) throw refusal(status, headers, codeIn(answer));
      if (answer === undefined) {
        throw new DeliveryError('uncertain', { code: 'unreadable-answer', httpStatus: status });
      }
      return { httpStatus: status, answer };
    } catch (error) {
      if (!(error instanceof ProviderHttpError)) throw error;
      throw transportError(error.phase, error.code, error.code === 'stopped' ? error.cause : error);
    }
  }
}

function ttlSeconds(expiresInMs: number): number {
  return Math.min(MAX_TTL_SECONDS, Math.max(1, Math.ceil(expiresInMs / 1_000)));
}

/** Undefined for what is no object. */
function parsed(body: Buffer): object | undefined {
  try {
    const answer: unknown = JSON.parse(body.toString('utf8') || '{}');
    return typeof answer === 'object' && answer !== null ? answer : undefined;
  } catch {
    return undefined;
  }
}

function codeIn(answer: object | undefined): string | undefined {
  const { code } = (answer ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** Asking again does no harm, whatever broke off. */
function withoutEffect(error: unknown): unknown {
  if (!(error instanceof DeliveryError) || error.kind === 'credentials') return error;
  const { code, httpStatus, providerCode, retryAfterMs } = error;
  return new DeliveryError('not-sent', { code, httpStatus, providerCode, retryAfterMs });
}

function mediaError({ code, answer }: MediaFetchError, ageMs: number): Error {
  const { status: httpStatus } = answer;
  if (code === 'unsafe-address') return new MediaRefusedError({ refused: 'unsafe-address' });
  if (code === 'too-large') return new MediaRefusedError({ refused: 'too-large' });
  if (httpStatus === 401)
    return new DeliveryError('credentials', { code: 'credentials-refused', httpStatus });
  if (httpStatus === 404 && ageMs >= MEDIA_LATE_MS) return new MediaRefusedError({ refused: 'not-found' });
  return new DeliveryError('not-sent', { code: 'media-unavailable', httpStatus });
}
