import { Activity, pause } from '../common/activity.js';
import { AppendLog, type Logged } from '../common/append-log.js';
import { ControlError } from '../common/control.js';
import { type Fault, Faults, type FaultSpec } from '../common/faults.js';
import { type Answer, answer, type Call, header } from '../common/http.js';
import { mediaCdn } from './cdn.js';
import { SimulatorServer } from '../common/server.js';
import { registerTwilioControls } from './controls.js';
import { messageFrom } from './create.js';
import { Deliveries } from './deliveries.js';
import { notFound, twilioError, twilioStatusError } from './errors.js';
import { inboundMessage, inboundParams, type InboundText, mediaIn } from './inbound.js';
import { foreignToSms } from './inbound-fields.js';
import { listMessages } from './list.js';
import { maxMedia, MediaStore } from './media.js';
import { registerMediaRoutes } from './media-routes.js';
import { isWhatsApp, messageResource, type MessageStatus, newSid, type StoredMessage } from './messages.js';
import { segmentsOf } from './body.js';
import { OptOuts } from './opt-outs.js';
import { type Outcome, Outcomes } from './outcomes.js';
import {
  DEFAULT_SETTINGS,
  type TwilioLogEntry,
  type TwilioSettings,
  type TwilioSimulatorOptions,
} from './settings.js';
import type { TwilioWebhookCall } from './webhooks.js';

/** A customer's text as it was stored: its SID, and those of its media. */
export interface ReceivedText {
  sid: string;
  media?: string[];
}

export class TwilioSimulator {
  readonly name = 'twilio';
  readonly faults = new Faults();
  readonly activity = new Activity();
  settings: TwilioSettings;
  readonly #options: TwilioSimulatorOptions;
  readonly #server: SimulatorServer;
  readonly #cdn: SimulatorServer;
  readonly #accepted = new AppendLog<TwilioLogEntry>();
  readonly #webhooks = new AppendLog<TwilioWebhookCall>();
  readonly #messages = new Map<string, StoredMessage>();
  readonly #optOuts = new OptOuts();
  readonly #outcomes = new Outcomes();
  readonly #deliveries: Deliveries;
  readonly media = new MediaStore();
  #url = '';
  #cdnUrl = '';

  constructor(options: TwilioSimulatorOptions) {
    this.#options = options;
    this.settings = { ...DEFAULT_SETTINGS, ...options.settings };
    const settings = (): TwilioSettings => this.settings;
    this.#deliveries = new Deliveries(options, this.#webhooks, this.#accepted, settings);
    this.#server = new SimulatorServer({
      provider: 'twilio',
      faults: this.faults,
      onExchange: options.onExchange,
      errorAnswer: (status, _call, code) =>
        twilioStatusError(status, code === undefined ? undefined : Number(code)),
      authorize: (call) => this.#authorize(call),
    });
    const account = '/2010-04-01/Accounts/:AccountSid';
    this.#server.operation('messages.create', 'POST', `${account}/Messages.json`, (call) =>
      this.#create(call),
    );
    this.#server.operation('messages.list', 'GET', `${account}/Messages.json`, (call) => {
      return listMessages(call, [...this.#messages.values()].reverse(), options.accountSid);
    });
    this.#server.operation(
      'messages.fetch',
      'GET',
      `${account}/Messages/:Sid(^[A-Za-z0-9]+).json`,
      (call) => {
        const message = this.#messages.get(call.params['Sid'] ?? '');
        if (message === undefined) return notFound(call);
        return answer(200, 'application/json;charset=utf-8', messageResource(message));
      },
    );
    registerMediaRoutes(this.#server, account, {
      media: this.media,
      message: (sid) => this.#messages.get(sid),
      notFoundTimes: () => this.settings.mediaNotFoundTimes,
      cdnUrl: () => this.#cdnUrl,
    });
    this.#cdn = mediaCdn(this.media, this.faults, options.onExchange);
    this.#server.operation('typing.create', 'POST', '/v2/Indicators/Typing.json', (call) =>
      this.#typing(call),
    );
    registerTwilioControls(this.#server, this);
  }

  /** Base URL, for `client.api.baseUrl` and control calls. */
  get url(): string {
    return this.#url;
  }

  /** What was accepted, in order. */
  get log(): readonly Logged<TwilioLogEntry>[] {
    return this.#accepted.items;
  }

  /** Every webhook call that has ended. */
  get webhooks(): readonly Logged<TwilioWebhookCall>[] {
    return this.#webhooks.items;
  }

  get messages(): readonly StoredMessage[] {
    return [...this.#messages.values()];
  }

  get numbers(): readonly string[] {
    return this.#options.numbers ?? [];
  }

  async listen(): Promise<this> {
    const { host = '127.0.0.1', port = 0 } = this.#options;
    this.#url = await this.#server.listen(host, port);
    this.#cdnUrl = await this.#cdn.listen(host, 0);
    return this;
  }

  async close(): Promise<void> {
    this.activity.stopAll();
    await Promise.all([this.#server.close(), this.#cdn.close()]);
    await this.#deliveries.close();
  }

  get gone(): boolean {
    return this.#server.gone;
  }

  /** Its API is gone, what it sends by itself is not. */
  vanish(): void {
    this.#server.vanish();
    this.#cdn.vanish();
  }

  async comeBack(): Promise<void> {
    await Promise.all([this.#server.comeBack(), this.#cdn.comeBack()]);
  }

  logAfter(index: number): object[] {
    return this.#accepted.after(index);
  }

  webhooksAfter(index: number): object[] {
    return this.#webhooks.after(index);
  }

  setFault(spec: FaultSpec): Fault {
    return this.faults.arm(spec);
  }

  setOutcome(outcome: Outcome): Outcome {
    return this.#outcomes.order(outcome);
  }

  setOptOut(ours: string, customer: string, optedOut: boolean): void {
    this.#optOuts.set(ours, customer, optedOut);
  }

  repeatWebhook(index: number): void {
    const call = this.#webhooks.items[index - 1];
    if (call === undefined) throw new ControlError(404, `no webhook call ${index}`);
    this.activity.start(async (signal) => this.#deliveries.repeat(call, signal));
  }

  reset(): void {
    this.activity.stopAll();
    this.faults.disarmAll();
    this.#accepted.clear();
    this.#webhooks.clear();
    this.#messages.clear();
    this.media.clear();
    this.#optOuts.clear();
    this.#outcomes.clear();
    this.settings = { ...DEFAULT_SETTINGS, ...this.#options.settings };
  }

  /** A customer's text: stored, then posted to the webhook. Resolves when the webhook has answered or been given up. */
  async receiveText(text: InboundText): Promise<ReceivedText & { webhook: TwilioWebhookCall | null }> {
    const message = this.#storeInbound(text);
    const webhook = await this.activity.run(async (signal) => this.#announce(message, text, signal));
    return { ...this.#received(message), webhook: webhook ?? null };
  }

  /** Like `receiveText`, without waiting for the webhook. */
  receiveTextSoon(text: InboundText): ReceivedText {
    const message = this.#storeInbound(text);
    this.activity.start(async (signal) => {
      await this.#announce(message, text, signal);
    });
    return this.#received(message);
  }

  /** Moves a message to a status and posts its callback now. */
  async setStatus(sid: string, status: MessageStatus, errorCode?: number): Promise<TwilioWebhookCall | null> {
    const message = this.#messages.get(sid);
    if (message === undefined) throw new ControlError(404, `no message ${sid}`);
    const call = await this.activity.run(async (signal) => this.#advance(message, status, errorCode, signal));
    return call ?? null;
  }

  #authorize(call: Call): Answer | undefined {
    const { accountSid, authTokens, apiKeySid, apiKeySecret } = this.#options;
    const [scheme = '', encoded = ''] = (header(call, 'authorization') ?? '').split(' ');
    const [user, ...rest] = Buffer.from(encoded, 'base64').toString().split(':');
    const secret = rest.join(':');
    const known =
      (user === accountSid && authTokens.includes(secret)) ||
      (apiKeySid !== undefined && user === apiKeySid && secret === apiKeySecret);
    if (scheme.toLowerCase() !== 'basic' || !known) return twilioError(20003);
    const wanted = call.params['AccountSid'];
    return wanted === undefined || wanted === accountSid ? undefined : notFound(call);
  }

  #create(call: Call): Answer {
    const form = new URLSearchParams(call.body);
    const { accountSid, numbers = [], messagingServices = {} } = this.#options;
    const result = messageFrom(form, {
      accountSid,
      numbers,
      messagingServices,
      magicNumbers: this.settings.magicNumbers,
      smartEncoded: this.settings.bodyAlteration === 'smart-encoded',
      isOptedOut: (from, to) => this.#optOuts.has(from, to),
    });
    if ('headers' in result) return result;
    this.#messages.set(result.sid, result);
    this.#accepted.append({
      kind: 'message',
      sid: result.sid,
      to: result.to,
      from: result.from,
      body: form.get('Body') ?? '',
      messagingServiceSid: result.messagingServiceSid,
      statusCallback: result.statusCallback,
      mediaUrls: form.getAll('MediaUrl'),
      contentSid: form.get('ContentSid'),
    });
    const created = answer(201, 'application/json;charset=utf-8', messageResource(result));
    created.headers['twilio-request-id'] = newSid('RQ');
    created.headers['twilio-concurrent-requests'] = '1';
    if (this.settings.autoProgress) this.activity.start(async (signal) => this.#progress(result, signal));
    return created;
  }

  #typing(call: Call): Answer {
    const messageSid = new URLSearchParams(call.body).get('messageId') ?? '';
    if (this.#messages.get(messageSid)?.direction !== 'inbound') return twilioError(20404);
    this.#accepted.append({ kind: 'typing', messageSid });
    return answer(200, 'application/json', { success: true });
  }

  /** accepted → queued → sending → sent → the end that was ordered, else delivered. */
  async #progress(message: StoredMessage, signal: AbortSignal): Promise<void> {
    const outcome = this.#outcomes.take(message);
    const end = outcome?.finalStatus ?? 'delivered';
    const steps: MessageStatus[] = ['sending'];
    if (message.status === 'accepted') steps.unshift('queued');
    if (end !== 'failed') steps.push('sent');
    if (end === 'read') steps.push('delivered');
    steps.push(end);
    // Callbacks of one message follow each other (unless they are shuffled), but a slow receiver does not hold the message up.
    let callbacks: Promise<unknown> = Promise.resolve();
    try {
      for (const status of steps) {
        await pause(this.settings.stepMs, signal);
        const copy = this.#setStatus(message, status, status === end ? outcome?.errorCode : undefined);
        const shuffled = this.settings.webhookJitterMs > 0;
        const before = shuffled ? Promise.resolve() : callbacks;
        const own = before.then(async () => this.#deliveries.status(copy, signal));
        callbacks = shuffled ? Promise.all([callbacks, own]) : own;
      }
    } finally {
      await callbacks;
    }
  }

  async #advance(
    message: StoredMessage,
    status: MessageStatus,
    errorCode: number | undefined,
    signal: AbortSignal,
  ): Promise<TwilioWebhookCall | undefined> {
    return this.#deliveries.status(this.#setStatus(message, status, errorCode), signal);
  }

  /** A copy of the message as it is at this status, for its callback. */
  #setStatus(message: StoredMessage, status: MessageStatus, errorCode: number | undefined): StoredMessage {
    message.status = status;
    message.updatedAtMs = Date.now();
    if (errorCode !== undefined) message.errorCode = errorCode;
    if (message.from === null) {
      const pool = this.#options.messagingServices?.[message.messagingServiceSid ?? ''] ?? this.numbers;
      const channel = isWhatsApp(message.to);
      message.from = pool.find((number) => isWhatsApp(number) === channel) ?? null;
      message.numSegments = channel ? 1 : segmentsOf(message.body);
    }
    if (status !== 'queued' && status !== 'sending') message.sentAtMs ??= Date.now();
    return { ...message };
  }

  async #announce(
    message: StoredMessage,
    text: InboundText,
    signal: AbortSignal,
  ): Promise<TwilioWebhookCall | null> {
    const repliedTo = this.#messages.get(text.repliedTo ?? '');
    const context = { apiUrl: this.#url, media: this.media.of(message.sid), repliedTo };
    return this.#deliveries.inbound(message, inboundParams(message, text, context), signal);
  }

  #received({ sid }: StoredMessage): ReceivedText {
    const media = this.media.of(sid).map((medium) => medium.sid);
    return media.length === 0 ? { sid } : { sid, media };
  }

  #storeInbound(text: InboundText): StoredMessage {
    const foreign = foreignToSms(text);
    if (foreign !== undefined) throw new ControlError(400, `only WhatsApp has ${foreign}`);
    const contents = mediaIn(text);
    if (contents.length > maxMedia(text.from)) throw new ControlError(400, 'too many media');
    const message = inboundMessage(text, this.#options.accountSid);
    this.#messages.set(message.sid, message);
    if (contents.length > 0) message.media = contents.map((content) => this.media.keep(message, content));
    if (this.settings.optOutKeywords) this.#optOuts.hear(text.to, text.from, text.body);
    return message;
  }
}

/** Starts a Twilio simulator; resolves when it listens. */
export async function startTwilioSimulator(options: TwilioSimulatorOptions): Promise<TwilioSimulator> {
  return new TwilioSimulator(options).listen();
}
