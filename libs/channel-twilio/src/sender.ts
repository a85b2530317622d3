import { ChannelPort, DeliveryError } from '#core';
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
import type { ProviderHttp } from '#platform';
import { clientOptionsOf, type AccountsOptions } from './accounts.js';
import { failureOf, sentOf, withoutEffect } from './call-result.js';
import { mediaCapabilities, MMS_FILE_MAX_BYTES } from './capabilities.js';
import { CONTENT_SID, contentDigest, contentRequest, createFailure, sendFailure } from './content-api.js';
import type { Exchange, TwilioClientOptions, TwilioRest } from './http-client.js';
import { candidates, listedSince, NO_LOOK_UP } from './look-up.js';
import { deleteCustomerMedia, fetchCustomerMedia, type MediaRequest } from './media.js';
import { fetchReceipt, listReceived, pagesTo, readerOf, readListed, type Reader } from './reading.js';
import { attach } from './render-media.js';
import { MAX_TEXT_LENGTH, render } from './render.js';
import { RestClients } from './rest-clients.js';
import { sendParameters } from './send-parameters.js';
import { segmentsOf } from './segments.js';

export interface TwilioChannelOptions extends AccountsOptions {
  /** Where Twilio reaches us: status callbacks go to `/webhooks/twilio/status` below it. */
  publicBaseUrl: string;
  /** The largest file other than a picture that goes out by MMS, bytes. */
  mmsFileMaxBytes?: number;
}

/** Twilio Messaging as a channel. Source: https://www.twilio.com/docs/messaging/api/message-resource */
export class TwilioChannel extends ChannelPort {
  readonly capabilities: ChannelCapabilities = {
    maxTextLength: MAX_TEXT_LENGTH,
    replyWindowMs: { whatsapp: 24 * 3_600_000 },
    receipts: true,
    // On WhatsApp.
    typing: true,
  };

  private readonly rests: RestClients;
  private readonly media: Readonly<Record<Channel, MediaCapabilities>>;

  constructor(
    private readonly http: ProviderHttp,
    private readonly options: TwilioChannelOptions,
  ) {
    super();
    this.rests = new RestClients(http, options);
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
    const exchange: Exchange = { context: remaining(context, startedAt) };
    const parameters = sendParameters(request, this.options.publicBaseUrl);
    try {
      const message = await rest.run(exchange, () => rest.client.messages.create(parameters));
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
      const reader = await this.reader(request.number.account, context);
      return candidates(await listedSince(pagesTo(reader, request.to), request.since), request);
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      if (error.httpStatus !== undefined && NO_LOOK_UP.has(error.httpStatus)) return 'impossible';
      throw error.kind === 'credentials' ? error : withoutEffect(error);
    }
  }

  async listReceived(
    request: { tenantId: string; number: SenderNumber; since: Date; until: Date },
    context: CallContext,
  ): Promise<ListedSpan> {
    return listReceived(await this.reader(request.number.account, context), request);
  }

  async readListed(
    { event, attachments }: ListedInbound,
    context: CallContext,
  ): Promise<InboundMessageReceived> {
    if (attachments === 0) return event;
    return readListed(await this.reader(event.account, context), event, this.options.apiBaseUrl);
  }

  async fetchReceipt(
    request: { account: string; providerId: string },
    context: CallContext,
  ): Promise<FetchedReceipt | undefined> {
    return fetchReceipt(await this.reader(request.account, context), request.providerId);
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

  private async reader(account: string, context: CallContext): Promise<Reader> {
    const startedAt = performance.now();
    const rest = await this.loadRest(account);
    return readerOf(rest, remaining(context, startedAt));
  }

  /** The REST client that logs in as this account. Rejects for one that is not ours. */
  private async loadRest(account: string): Promise<TwilioRest> {
    const rest = this.rests.of(account);
    if (!rest) throw new DeliveryError('held', { hold: 'configuration', code: 'other-account' });
    return rest;
  }
}

/** What loading took (150 ms, once) counts towards the deadline. */
function remaining(context: CallContext, startedAt: number): CallContext {
  return { ...context, timeoutMs: Math.max(1, context.timeoutMs - (performance.now() - startedAt)) };
}
