import { ChannelPort, DeliveryError, transportError } from '#core';
import type {
  AttemptReference,
  CallContext,
  CarriedFile,
  Channel,
  ChannelCapabilities,
  FindSent,
  LookUp,
  FetchedReceipt,
  InboundMessageReceived,
  ListedInbound,
  ListedSpan,
  MediaCapabilities,
  MediaStream,
  MessageContent,
  PartContent,
  SenderNumber,
  Sent,
  SentCandidate,
} from '#core';
import { ProviderHttpError } from '#platform';
import type { ProviderHttp } from '#platform';
import type { Exchange, TwilioClientOptions, TwilioRest } from './http-client.js';
import { candidates, listedSince, NO_LOOK_UP, PAGE_SIZE, type ListedMessage } from './look-up.js';
import { deleteCustomerMedia, fetchCustomerMedia, type MediaRequest } from './media.js';
import { refusal } from './outcome.js';
import { fetchedReceipt, listedInbound, resourcesIn, withMedia } from './received.js';
import { mediaCapabilities, MMS_FILE_MAX_BYTES } from './capabilities.js';
import { attach } from './render-media.js';
import { MAX_TEXT_LENGTH, render } from './render.js';
import { receiptOf } from './status.js';

export interface TwilioChannelOptions extends TwilioClientOptions {
  /** Where Twilio reaches us: status callbacks go to `/webhooks/twilio/status` below it. */
  publicBaseUrl: string;
  /** The largest file other than a picture that goes out by MMS, bytes. */
  mmsFileMaxBytes?: number;
}

const MESSAGE_SID = /^(?:SM|MM)[0-9a-fA-F]{32}$/;
const SERVICE_SID = /^MG[0-9a-fA-F]{32}$/;
/** Of one look at what was received: pages, and messages on each. */
const RECEIVED_PAGES = 5;
const RECEIVED_PAGE_SIZE = 200;
/** A page of messages with the longest texts, every character escaped. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/** Twilio Messaging as a channel. Source: https://www.twilio.com/docs/messaging/api/message-resource */
export class TwilioChannel extends ChannelPort {
  readonly capabilities: ChannelCapabilities = {
    maxTextLength: MAX_TEXT_LENGTH,
    receipts: true,
    // Twilio can, on WhatsApp; not built yet.
    typing: false,
  };

  private rest: Promise<TwilioRest> | undefined;
  private readonly media: Readonly<Record<Channel, MediaCapabilities>>;

  constructor(
    private readonly http: ProviderHttp,
    private readonly options: TwilioChannelOptions,
  ) {
    super();
    this.media = mediaCapabilities(options.mmsFileMaxBytes ?? MMS_FILE_MAX_BYTES);
  }

  /** Loads the REST client (150 ms) and its messages (50 ms). */
  override async warmUp(): Promise<void> {
    void (await this.loadRest()).client.messages;
  }

  render(content: MessageContent): PartContent[] {
    return render(content);
  }

  mediaCapabilities({ address }: SenderNumber): MediaCapabilities {
    return this.media[address.startsWith('whatsapp:') ? 'whatsapp' : 'sms'];
  }

  attach(parts: PartContent[], files: CarriedFile[], number: SenderNumber): PartContent[] {
    return attach(parts, files, this.mediaCapabilities(number), MAX_TEXT_LENGTH);
  }

  async send(
    request: {
      number: SenderNumber;
      to: string;
      part: PartContent;
      mediaUrls?: string[];
      attempt: AttemptReference;
    },
    context: CallContext,
  ): Promise<Sent> {
    this.requireOwn(request.number.account);
    const startedAt = performance.now();
    const rest = await this.loadRest();
    // What loading took (150 ms, once) counts towards the deadline.
    const timeoutMs = Math.max(1, context.timeoutMs - (performance.now() - startedAt));
    const exchange: Exchange = { context: { ...context, timeoutMs } };
    try {
      const message = await rest.run(exchange, () => rest.client.messages.create(this.parameters(request)));
      return sentOf(exchange, message.sid, message.status);
    } catch (error) {
      throw failureOf(exchange, error);
    }
  }

  override async findSent(request: FindSent, context: CallContext): Promise<LookUp<SentCandidate[]>> {
    const rest = await this.loadRest();
    try {
      return candidates(await listedSince(pagesTo(rest, request.to, context), request.since), request);
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      if (error.httpStatus !== undefined && NO_LOOK_UP.has(error.httpStatus)) return 'impossible';
      throw error.kind === 'credentials' ? error : withoutEffect(error);
    }
  }

  /** Twilio lists the newest first; inbound messages have the time at which it called their webhook, in whole seconds. */
  async listReceived(
    request: { tenantId: string; number: SenderNumber; since: Date; until: Date },
    context: CallContext,
  ): Promise<ListedSpan> {
    const { tenantId, number, since, until } = request;
    this.requireOwn(number.account);
    // The numbers behind a service are not known here; they are told apart on the page.
    const service = SERVICE_SID.test(number.address) ? number.address : undefined;
    const { client, read } = await this.reader(context);
    const newestFirst: ListedInbound[] = [];
    let page = await read(() =>
      client.messages.page({
        ...(service === undefined && { to: number.address }),
        dateSentAfter: since,
        dateSentBefore: until,
        pageSize: RECEIVED_PAGE_SIZE,
      }),
    );
    for (let n = 1; ; n += 1) {
      const resources = resourcesIn(page.body, 'messages').filter(
        (one) => service === undefined || one['messaging_service_sid'] === service,
      );
      newestFirst.push(...resources.flatMap((one) => listedInbound(tenantId, one) ?? []));
      const next = page.result.nextPageUrl;
      if (next === undefined || n === RECEIVED_PAGES) {
        return { messages: newestFirst.reverse(), complete: next === undefined };
      }
      page = await read(() => client.messages.getPage(next));
    }
  }

  /** Media that Twilio does not have any more stays nameless. */
  async readListed(listed: ListedInbound, context: CallContext): Promise<InboundMessageReceived> {
    const { event, attachments } = listed;
    if (attachments === 0) return event;
    const { client, read } = await this.reader(context);
    try {
      const { body } = await read(() => client.messages(event.providerMessageId).media.page());
      return withMedia(event, resourcesIn(body, 'media_list'), this.options.apiBaseUrl);
    } catch (error) {
      if (isNotFound(error)) return event;
      throw error;
    }
  }

  async fetchReceipt(
    request: { account: string; providerId: string },
    context: CallContext,
  ): Promise<FetchedReceipt | undefined> {
    this.requireOwn(request.account);
    const { client, read } = await this.reader(context);
    try {
      const { body } = await read(() => client.messages(request.providerId).fetch());
      return fetchedReceipt(body);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  fetchMedia(request: MediaRequest, context: CallContext): Promise<MediaStream> {
    return fetchCustomerMedia(this.options, request, context);
  }

  deleteMedia(request: { account: string; url: string }, context: CallContext): Promise<void> {
    return deleteCustomerMedia(this.http, this.options, request, context);
  }

  /** Reading calls that share one deadline. They take no effect, so whatever goes wrong can be tried again. */
  private async reader(context: CallContext) {
    const endsAt = performance.now() + context.timeoutMs;
    const rest = await this.loadRest();
    const read = async <T>(call: () => Promise<T>): Promise<{ result: T; body: Record<string, unknown> }> => {
      const timeoutMs = Math.max(1, endsAt - performance.now());
      const exchange: Exchange = { context: { ...context, timeoutMs }, maxResponseBytes: MAX_PAGE_BYTES };
      try {
        const result = await rest.run(exchange, call);
        const body: Record<string, unknown> = JSON.parse(exchange.response?.body.toString('utf8') ?? '{}');
        return { result, body };
      } catch (error) {
        const failure = failureOf(exchange, error);
        throw failure instanceof DeliveryError && failure.kind === 'uncertain'
          ? withoutEffect(failure)
          : failure;
      }
    };
    return { client: rest.client, read };
  }

  private requireOwn(account: string): void {
    if (account !== this.options.accountSid) {
      throw new DeliveryError('held', { hold: 'configuration', code: 'other-account' });
    }
  }

  private parameters(request: {
    number: SenderNumber;
    to: string;
    part: PartContent;
    mediaUrls?: string[];
    attempt: AttemptReference;
  }) {
    const { number, to, part, mediaUrls: mediaUrl = [], attempt } = request;
    return {
      to,
      ...senderOf(number),
      ...(part.text !== undefined && { body: part.text }),
      ...(mediaUrl.length > 0 && { mediaUrl }),
      statusCallback: `${this.options.publicBaseUrl.replace(/\/+$/, '')}/webhooks/twilio/status?m=${attempt.messageId}&a=${attempt.attemptId}`,
    };
  }

  private loadRest(): Promise<TwilioRest> {
    this.rest ??= import('./http-client.js').then(({ createTwilioRest }) =>
      createTwilioRest(this.http, this.options),
    );
    return this.rest;
  }
}

/** The messages to one address, page by page within one deadline. */
async function* pagesTo(rest: TwilioRest, to: string, context: CallContext): AsyncGenerator<ListedMessage[]> {
  const endsAt = performance.now() + context.timeoutMs;
  const read = async <T>(call: () => Promise<T>): Promise<T> => {
    const exchange: Exchange = { context: { timeoutMs: Math.max(1, endsAt - performance.now()) } };
    try {
      return await rest.run(exchange, call);
    } catch (error) {
      throw failureOf(exchange, error);
    }
  };
  let page = await read(() => rest.client.messages.page({ to, pageSize: PAGE_SIZE }));
  for (;;) {
    yield page.instances;
    if (page.nextPageUrl === undefined) return;
    const url = page.nextPageUrl;
    page = await read(() => rest.client.messages.getPage(url));
  }
}

/** Reading can simply be done again, whatever broke it off. */
function withoutEffect({ code, httpStatus, providerCode, retryAfterMs }: DeliveryError): DeliveryError {
  return new DeliveryError('not-sent', { code, httpStatus, providerCode, retryAfterMs });
}

/**
 * With both, the service's settings apply and the customer still sees the number they wrote to. An address that is
 * itself a service's id names no number, so the service picks one.
 */
function senderOf({ address, messagingServiceSid }: SenderNumber): {
  from?: string;
  messagingServiceSid?: string;
} {
  if (SERVICE_SID.test(address)) return { messagingServiceSid: address };
  return { from: address, ...(messagingServiceSid !== undefined && { messagingServiceSid }) };
}

/** A 2xx counts only with a message id: anything else may come from something in between. */
function sentOf(exchange: Exchange, sid: unknown, status: unknown): Sent {
  const httpStatus = exchange.response?.status ?? 0;
  if (typeof sid !== 'string' || !MESSAGE_SID.test(sid)) {
    throw new DeliveryError('uncertain', { code: 'unreadable-answer', httpStatus });
  }
  const receipt = typeof status === 'string' ? receiptOf(status) : undefined;
  return { providerId: sid, httpStatus, ...(receipt && { receipt }) };
}

/**
 * The package's own errors are never passed on: their messages quote addresses and texts. An exception that is
 * neither Twilio's answer nor the network's is our own bug and stays what it is.
 */
function failureOf({ response }: Exchange, error: unknown): unknown {
  if (error instanceof DeliveryError) return error;
  if (error instanceof ProviderHttpError) {
    // The port promises what stopped the call as the cause itself.
    return transportError(error.phase, error.code, error.code === 'stopped' ? error.cause : error);
  }
  if (!response) return error;
  if (response.status >= 200 && response.status < 300) {
    return new DeliveryError('uncertain', { code: 'unreadable-answer', httpStatus: response.status });
  }
  return refusal(response.status, response.headers, providerCodeOf(error));
}

function isNotFound(error: unknown): boolean {
  return error instanceof DeliveryError && error.httpStatus === 404;
}

/** The code of a `RestException` or `TwilioServiceException`; 0 and non-numbers are none. */
function providerCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { code } = error;
  return (typeof code === 'number' || typeof code === 'string') && /^[1-9]\d{0,5}$/.test(String(code))
    ? String(code)
    : undefined;
}
