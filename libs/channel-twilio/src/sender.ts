import { ChannelPort, DeliveryError, transportError } from '#core';
import type {
  Addressee,
  CallContext,
  CarriedFile,
  Channel,
  ChannelCapabilities,
  FindSent,
  LookUp,
  FetchedReceipt,
  InboundMessageReceived,
  Interactive,
  ListedInbound,
  ListedSpan,
  MediaCapabilities,
  MediaStream,
  MessageContent,
  PartContent,
  PartCost,
  SenderNumber,
  SendPart,
  Sent,
  SentCandidate,
} from '#core';
import { ProviderHttpError } from '#platform';
import type { ProviderHttp } from '#platform';
import { clientOptionsOf, type AccountsOptions } from './accounts.js';
import { CONTENT_SID, contentDigest, contentRequest, createFailure, sendFailure } from './content-api.js';
import type { Exchange, TwilioClientOptions, TwilioRest } from './http-client.js';
import {
  candidates,
  isAlterable,
  listedSince,
  NO_LOOK_UP,
  PAGE_SIZE,
  type ListedMessage,
} from './look-up.js';
import { deleteCustomerMedia, fetchCustomerMedia, type MediaRequest } from './media.js';
import { refusal } from './outcome.js';
import { fetchedReceipt, listedInbound, resourcesIn, withMedia } from './received.js';
import { mediaCapabilities, MMS_FILE_MAX_BYTES } from './capabilities.js';
import { attach } from './render-media.js';
import { MAX_TEXT_LENGTH, render } from './render.js';
import { segmentsOf } from './segments.js';
import { receiptOf } from './status.js';

export interface TwilioChannelOptions extends AccountsOptions {
  /** Where Twilio reaches us: status callbacks go to `/webhooks/twilio/status` below it. */
  publicBaseUrl: string;
  /** The largest file other than a picture that goes out by MMS, bytes. */
  mmsFileMaxBytes?: number;
}

const MESSAGE_SID = /^(?:SM|MM)[0-9a-fA-F]{32}$/;
const MAX_VALIDITY_SECONDS = 36_000;
const MIN_VALIDITY_SECONDS = 10;
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
    replyWindowMs: { whatsapp: 24 * 3_600_000 },
    receipts: true,
    // On WhatsApp.
    typing: true,
  };

  /** By account. */
  private readonly rests = new Map<string, Promise<TwilioRest>>();
  private readonly media: Readonly<Record<Channel, MediaCapabilities>>;

  constructor(
    private readonly http: ProviderHttp,
    private readonly options: TwilioChannelOptions,
  ) {
    super();
    this.media = mediaCapabilities(options.mmsFileMaxBytes ?? MMS_FILE_MAX_BYTES);
  }

  /** Loads the REST client (150 ms), its messages (50 ms) and its indicators. */
  override async warmUp(): Promise<void> {
    const { client } = await this.loadRest(this.options.accountSid);
    void client.messages;
    void client.messaging.v2.typingIndicator;
  }

  render(content: MessageContent, { address, language }: Addressee = { address: '' }): PartContent[] {
    const channel = address.startsWith('whatsapp:') ? 'whatsapp' : 'sms';
    return render(content, { channel, ...(language !== undefined && { language }) });
  }

  mediaCapabilities({ address }: SenderNumber): MediaCapabilities {
    return this.media[address.startsWith('whatsapp:') ? 'whatsapp' : 'sms'];
  }

  attach(parts: PartContent[], files: CarriedFile[], number: SenderNumber): PartContent[] {
    return attach(parts, files, this.mediaCapabilities(number), MAX_TEXT_LENGTH);
  }

  override cost(
    { text, content }: PartContent,
    { address, smartEncoding }: SenderNumber,
  ): PartCost | undefined {
    if (text === undefined || content || address.startsWith('whatsapp:')) return undefined;
    return segmentsOf(text, smartEncoding !== false);
  }

  async send(request: SendPart, context: CallContext): Promise<Sent> {
    const startedAt = performance.now();
    const rest = await this.loadRest(request.number.account);
    // What loading took (150 ms, once) counts towards the deadline.
    const timeoutMs = Math.max(1, context.timeoutMs - (performance.now() - startedAt));
    const exchange: Exchange = { context: { ...context, timeoutMs } };
    try {
      const message = await rest.run(exchange, () => rest.client.messages.create(this.parameters(request)));
      return sentOf(exchange, message.sid, message.status);
    } catch (error) {
      throw sendFailure(failureOf(exchange, error), request.part);
    }
  }

  override contentDigest(interactive: Interactive): string {
    return contentDigest(interactive);
  }

  override async createContent(
    { account, interactive }: { account: string; interactive: Interactive },
    context: CallContext,
  ): Promise<string> {
    const { client, read } = await this.reader(account, context);
    try {
      // The package's types have names of their own for what goes out as it is.
      const body = contentRequest(interactive) as never;
      const { sid } = (await read(() => client.content.v1.contents.create(body))).result;
      if (typeof sid === 'string' && CONTENT_SID.test(sid)) return sid;
    } catch (error) {
      throw createFailure(error);
    }
    throw new DeliveryError('not-sent', { code: 'unreadable-answer' });
  }

  override async findSent(request: FindSent, context: CallContext): Promise<LookUp<SentCandidate[]>> {
    try {
      const rest = await this.loadRest(request.number.account);
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
    // The numbers behind a service are not known here; they are told apart on the page.
    const service = SERVICE_SID.test(number.address) ? number.address : undefined;
    const { client, read } = await this.reader(number.account, context);
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
    const { client, read } = await this.reader(event.account, context);
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
    const { client, read } = await this.reader(request.account, context);
    try {
      const { body } = await read(() => client.messages(request.providerId).fetch());
      return fetchedReceipt(body);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Lasts 25 s or until an answer arrives. Source: https://www.twilio.com/docs/whatsapp/api/typing-indicators-resource */
  async typing(request: { account: string; providerMessageId: string }, context: CallContext): Promise<void> {
    const rest = await this.loadRest(request.account);
    const exchange: Exchange = { context };
    const { typingIndicator } = rest.client.messaging.v2;
    try {
      await rest.run(exchange, () =>
        typingIndicator.create({ channel: 'whatsapp', messageId: request.providerMessageId }),
      );
    } catch (error) {
      throw failureOf(exchange, error);
    }
  }

  fetchMedia(request: MediaRequest, context: CallContext): Promise<MediaStream> {
    return fetchCustomerMedia(this.accessTo(request.account), request, context);
  }

  deleteMedia(request: { account: string; url: string }, context: CallContext): Promise<void> {
    return deleteCustomerMedia(this.http, this.accessTo(request.account), request, context);
  }

  /** Of an account that is not ours nothing is fetched: its media are nobody's to us. */
  private accessTo(account: string): TwilioClientOptions {
    return clientOptionsOf(this.options, account) ?? this.options;
  }

  /** Reading calls that share one deadline. They take no effect, so whatever goes wrong can be tried again. */
  private async reader(account: string, context: CallContext) {
    const endsAt = performance.now() + context.timeoutMs;
    const rest = await this.loadRest(account);
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

  private parameters({ number, to, part, mediaUrls, attempt, expiresInMs }: SendPart) {
    return {
      to,
      ...senderOf(number),
      ...(expiresInMs !== undefined && { validityPeriod: validitySeconds(expiresInMs) }),
      ...(isAlterable(part, number) && { smartEncoded: true }),
      ...(part.content ? contentOf(part.content) : bodyOf(part, mediaUrls)),
      statusCallback: `${this.options.publicBaseUrl.replace(/\/+$/, '')}/webhooks/twilio/status?m=${attempt.messageId}&a=${attempt.attemptId}`,
    };
  }

  /** The REST client that logs in as this account. Rejects for one that is not ours. */
  private async loadRest(account: string): Promise<TwilioRest> {
    const options = clientOptionsOf(this.options, account);
    if (!options) throw new DeliveryError('held', { hold: 'configuration', code: 'other-account' });
    let rest = this.rests.get(account);
    if (!rest) {
      rest = import('./http-client.js').then(({ createTwilioRest }) => createTwilioRest(this.http, options));
      this.rests.set(account, rest);
    }
    return rest;
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

/** Twilio gives a message up that it could not pass on for so long; shorter periods than this fail in its own queue. */
function validitySeconds(expiresInMs: number): number {
  return Math.min(MAX_VALIDITY_SECONDS, Math.max(MIN_VALIDITY_SECONDS, Math.ceil(expiresInMs / 1_000)));
}

function bodyOf({ text, location }: PartContent, mediaUrls: string[] = []) {
  const place = location && `geo:${location.latitude},${location.longitude}`;
  return {
    ...(text !== undefined && { body: text }),
    ...(mediaUrls.length > 0 && { mediaUrl: mediaUrls }),
    ...(place && { persistentAction: [location.label ? `${place}|${location.label}` : place] }),
  };
}

function contentOf({ sid, variables }: NonNullable<PartContent['content']>) {
  return {
    contentSid: sid,
    ...(variables && { contentVariables: JSON.stringify(variables) }),
  };
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
