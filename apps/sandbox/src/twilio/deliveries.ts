import type { AppendLog } from '../common/append-log.js';
import { jitter } from '../common/activity.js';
import type { Accounts } from './accounts.js';
import { isTaken, WebhookPoster } from '../common/webhook-post.js';
import { statusParams } from './inbound.js';
import { newSid, type StoredMessage } from './messages.js';
import type { Senders } from './senders.js';
import type { TwilioLogEntry, TwilioSettings, TwilioSimulatorOptions } from './settings.js';
import { callTwilioWebhook, repliesIn, type TwilioWebhookCall } from './webhooks.js';

/** Posts the webhooks of messages, in as many copies as wanted, and keeps a log of how each went. */
export class Deliveries {
  readonly #options: TwilioSimulatorOptions;
  readonly #accounts: Accounts;
  readonly #senders: Senders;
  readonly #calls: AppendLog<TwilioWebhookCall>;
  readonly #accepted: AppendLog<TwilioLogEntry>;
  readonly #settings: () => TwilioSettings;
  readonly #poster = new WebhookPoster();

  constructor(
    options: TwilioSimulatorOptions,
    accounts: Accounts,
    senders: Senders,
    calls: AppendLog<TwilioWebhookCall>,
    accepted: AppendLog<TwilioLogEntry>,
    settings: () => TwilioSettings,
  ) {
    this.#options = options;
    this.#accounts = accounts;
    this.#senders = senders;
    this.#calls = calls;
    this.#accepted = accepted;
    this.#settings = settings;
  }

  /** The status callback of a message as it is now; undefined when it has none. */
  async status(message: StoredMessage, signal: AbortSignal): Promise<TwilioWebhookCall | undefined> {
    const url = this.#senders.statusCallback(message);
    if (url === undefined) return undefined;
    return this.#post('status', message.sid, url, statusParams(message), signal);
  }

  /** The inbound webhook, then the fallback if it failed; a reply in the answer is "sent" to the customer. */
  async inbound(
    message: StoredMessage,
    params: Record<string, string>,
    signal: AbortSignal,
  ): Promise<TwilioWebhookCall | null> {
    const { url, fallbackUrl } = this.#senders.inboundTarget(message);
    if (url === undefined) return null;
    let call = await this.#post('inbound', message.sid, url, params, signal);
    if (call.alert === 11200 && fallbackUrl !== undefined) {
      const extra = { ErrorCode: '11200', ErrorUrl: call.url };
      call = await this.#post('inbound', message.sid, fallbackUrl, { ...params, ...extra }, signal);
    }
    for (const body of repliesIn(call)) {
      const [from, to] = [message.to, message.from ?? ''];
      this.#accepted.append({ kind: 'reply', sid: newSid('SM'), from, to, body });
    }
    return call;
  }

  /** Posts a call once more, as it was: nothing in Twilio's signature grows old. */
  async repeat(call: TwilioWebhookCall, signal: AbortSignal): Promise<void> {
    await this.#post(call.kind, call.messageSid, call.url, call.params, signal);
  }

  async close(): Promise<void> {
    await this.#poster.close();
  }

  /** All copies at once; an answer that took it, else the first one's. */
  async #post(
    kind: 'inbound' | 'status',
    messageSid: string,
    configuredUrl: string,
    params: Record<string, string>,
    signal: AbortSignal,
  ): Promise<TwilioWebhookCall> {
    const { onExchange } = this.#options;
    const authToken = this.#accounts.tokenOf(params['AccountSid'] ?? '');
    const tools = { poster: this.#poster, authToken, signal, onExchange };
    const { webhookCopies, webhookJitterMs } = this.#settings();
    const one = async (): Promise<TwilioWebhookCall> => {
      await jitter(webhookJitterMs, signal);
      const call = await callTwilioWebhook({ kind, messageSid, configuredUrl, params }, tools);
      signal.throwIfAborted();
      return this.#calls.append(call);
    };
    const copies = Array.from({ length: Math.max(0, webhookCopies - 1) }, one);
    const [first, ...others] = await Promise.all([one(), ...copies]);
    return [first, ...others].find(({ status }) => isTaken(status)) ?? first;
  }
}
