import { Activity } from '../common/activity.js';
import { AppendLog, type Logged } from '../common/append-log.js';
import { ControlError } from '../common/control.js';
import { type Fault, Faults, type FaultSpec } from '../common/faults.js';
import { type Answer, answer, type Call } from '../common/http.js';
import { mediaCdn } from './cdn.js';
import { SimulatorServer } from '../common/server.js';
import { Accounts } from './accounts.js';
import type { Content } from './content.js';
import { registerContentRoutes } from './content-routes.js';
import { registerTwilioControls } from './controls.js';
import { Deliveries } from './deliveries.js';
import { notFound, twilioError, twilioStatusError } from './errors.js';
import type { InboundText } from './inbound.js';
import { Inbox, type ReceivedText } from './inbox.js';
import { listMessages } from './list.js';
import { MediaStore } from './media.js';
import { registerMediaRoutes } from './media-routes.js';
import { messageResource, type MessageStatus, type StoredMessage } from './messages.js';
import { OptOuts } from './opt-outs.js';
import { Outbound } from './outbound.js';
import { type Outcome, Outcomes } from './outcomes.js';
import { registerProvisioningRoutes } from './provisioning-routes.js';
import { Senders } from './senders.js';
import {
  DEFAULT_SETTINGS,
  type TwilioLogEntry,
  type TwilioSettings,
  type TwilioSimulatorOptions,
} from './settings.js';
import type { TwilioWebhookCall } from './webhooks.js';
import { Windows } from './windows.js';

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
  readonly #windows = new Windows();
  readonly #contents = new Map<string, Content>();
  readonly #accounts: Accounts;
  readonly #senders: Senders;
  readonly #deliveries: Deliveries;
  readonly #inbox: Inbox;
  readonly #outbound: Outbound;
  readonly media = new MediaStore();
  #url = '';
  #cdnUrl = '';

  constructor(options: TwilioSimulatorOptions) {
    this.#options = options;
    this.settings = { ...DEFAULT_SETTINGS, ...options.settings };
    const settings = (): TwilioSettings => this.settings;
    this.#accounts = new Accounts(options);
    this.#senders = new Senders(options, this.#accounts);
    this.#deliveries = new Deliveries(
      options,
      this.#accounts,
      this.#senders,
      this.#webhooks,
      this.#accepted,
      settings,
    );
    const shared = {
      accounts: this.#accounts,
      senders: this.#senders,
      settings,
      messages: this.#messages,
      accepted: this.#accepted,
      media: this.media,
      optOuts: this.#optOuts,
      windows: this.#windows,
      deliveries: this.#deliveries,
    };
    this.#inbox = new Inbox({ ...shared, apiUrl: () => this.#url });
    this.#outbound = new Outbound({
      ...shared,
      options,
      activity: this.activity,
      contents: this.#contents,
      outcomes: this.#outcomes,
    });
    this.#server = new SimulatorServer({
      provider: 'twilio',
      faults: this.faults,
      onExchange: options.onExchange,
      errorAnswer: (status, _call, code) =>
        twilioStatusError(status, code === undefined ? undefined : Number(code)),
      authorize: (call) => this.#accounts.refusal(call),
    });
    const account = '/2010-04-01/Accounts/:AccountSid';
    this.#server.operation('messages.create', 'POST', `${account}/Messages.json`, (call) =>
      this.#outbound.create(call),
    );
    this.#server.operation('messages.list', 'GET', `${account}/Messages.json`, (call) => {
      const accountSid = call.params['AccountSid'] ?? '';
      const own = [...this.#messages.values()].filter((message) => message.accountSid === accountSid);
      return listMessages(call, own.reverse(), accountSid);
    });
    this.#server.operation(
      'messages.fetch',
      'GET',
      `${account}/Messages/:Sid(^[A-Za-z0-9]+).json`,
      (call) => {
        const message = this.#messages.get(call.params['Sid'] ?? '');
        if (message === undefined || message.accountSid !== call.params['AccountSid']) {
          return notFound(call);
        }
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
    registerContentRoutes(this.#server, {
      contents: this.#contents,
      callerOf: (call) => this.#accounts.caller(call) ?? '',
      url: () => this.#url,
    });
    registerProvisioningRoutes(this.#server, account, {
      senders: this.#senders,
      callerOf: (call) => this.#accounts.caller(call) ?? '',
      url: () => this.#url,
    });
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
    return this.#accounts.numbers;
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
    await Promise.all([this.#deliveries.close(), this.#outbound.close()]);
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

  /** Opens or closes WhatsApp's window, until the customer's next text. */
  setWindow(ours: string, customer: string, open: boolean): void {
    this.#windows.force(ours, customer, open);
  }

  isWindowOpen(ours: string, customer: string): boolean {
    return this.#windows.isOpen(ours, customer, this.settings.windowMs);
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
    this.#windows.clear();
    this.#contents.clear();
    this.#senders.reset();
    this.settings = { ...DEFAULT_SETTINGS, ...this.#options.settings };
  }

  /** A customer's text: stored, then posted to the webhook. Resolves when the webhook has answered or been given up. */
  async receiveText(text: InboundText): Promise<ReceivedText & { webhook: TwilioWebhookCall | null }> {
    const arrived = this.#inbox.store(text);
    const webhook = await this.activity.run(async (signal) => this.#inbox.announce(arrived, signal));
    return { ...this.#inbox.received(arrived), webhook: webhook ?? null };
  }

  /** Like `receiveText`, without waiting for the webhook. */
  receiveTextSoon(text: InboundText): ReceivedText {
    const arrived = this.#inbox.store(text);
    this.activity.start(async (signal) => {
      await this.#inbox.announce(arrived, signal);
    });
    return this.#inbox.received(arrived);
  }

  /** Moves a message to a status and posts its callback now. */
  async setStatus(sid: string, status: MessageStatus, errorCode?: number): Promise<TwilioWebhookCall | null> {
    const message = this.#messages.get(sid);
    if (message === undefined) throw new ControlError(404, `no message ${sid}`);
    const call = await this.activity.run(async (signal) =>
      this.#outbound.advance(message, status, errorCode, signal),
    );
    return call ?? null;
  }

  #typing(call: Call): Answer {
    const messageSid = new URLSearchParams(call.body).get('messageId') ?? '';
    if (this.#messages.get(messageSid)?.direction !== 'inbound') return twilioError(20404);
    this.#accepted.append({ kind: 'typing', messageSid });
    return answer(200, 'application/json', { success: true });
  }
}

/** Starts a Twilio simulator; resolves when it listens. */
export async function startTwilioSimulator(options: TwilioSimulatorOptions): Promise<TwilioSimulator> {
  return new TwilioSimulator(options).listen();
}
