import { setTimeout as delay } from 'node:timers/promises';
import { type Activity, pause } from '../common/activity.js';
import type { AppendLog } from '../common/append-log.js';
import { type Answer, answer, type Call } from '../common/http.js';
import type { Accounts } from './accounts.js';
import { segmentsOf } from './body.js';
import type { Content } from './content.js';
import { messageFrom } from './create.js';
import type { Deliveries } from './deliveries.js';
import { twilioError } from './errors.js';
import type { MediaStore } from './media.js';
import { isWhatsApp, messageResource, type MessageStatus, newSid, type StoredMessage } from './messages.js';
import type { OptOuts } from './opt-outs.js';
import type { Outcomes } from './outcomes.js';
import { MediaFetcher } from './outbound-media.js';
import type { Senders } from './senders.js';
import type { TwilioLogEntry, TwilioSettings, TwilioSimulatorOptions } from './settings.js';
import type { TwilioWebhookCall } from './webhooks.js';
import type { Windows } from './windows.js';

interface OutboundContext {
  options: TwilioSimulatorOptions;
  accounts: Accounts;
  senders: Senders;
  settings: () => TwilioSettings;
  activity: Activity;
  messages: Map<string, StoredMessage>;
  accepted: AppendLog<TwilioLogEntry>;
  media: MediaStore;
  contents: ReadonlyMap<string, Content>;
  optOuts: OptOuts;
  outcomes: Outcomes;
  windows: Windows;
  deliveries: Deliveries;
}

/** How a message ends. */
interface End {
  status: MessageStatus;
  errorCode: number | undefined;
}

/** Our messages: accepted or refused, then walked to their end. */
export class Outbound {
  readonly #context: OutboundContext;
  readonly #fetcher = new MediaFetcher();
  #running = 0;

  constructor(context: OutboundContext) {
    this.#context = context;
  }

  async close(): Promise<void> {
    await this.#fetcher.close();
  }

  /** Refuses with 429 what is more than it does at the same time. */
  async create(call: Call): Promise<Answer> {
    const { maxConcurrentCreates, createMs } = this.#context.settings();
    this.#running += 1;
    try {
      if (maxConcurrentCreates > 0 && this.#running > maxConcurrentCreates) return twilioError(20429);
      if (createMs > 0) await delay(createMs);
      return this.#accept(call);
    } finally {
      this.#running -= 1;
    }
  }

  #accept(call: Call): Answer {
    const { accepted, activity, messages, settings } = this.#context;
    const form = new URLSearchParams(call.body);
    const result = this.#messageFrom(form, call.params['AccountSid'] ?? '');
    if ('headers' in result) return result;
    messages.set(result.sid, result);
    accepted.append({
      kind: 'message',
      sid: result.sid,
      to: result.to,
      from: result.from,
      body: result.content?.body ?? form.get('Body') ?? '',
      messagingServiceSid: result.messagingServiceSid,
      statusCallback: result.statusCallback,
      mediaUrls: form.getAll('MediaUrl'),
      contentSid: form.get('ContentSid'),
      ...(result.content === null ? {} : { content: result.content }),
    });
    const created = answer(201, 'application/json;charset=utf-8', messageResource(result));
    created.headers['twilio-request-id'] = newSid('RQ');
    created.headers['twilio-concurrent-requests'] = String(this.#running);
    if (settings().autoProgress) activity.start(async (signal) => this.#progress(result, signal));
    return created;
  }

  /** Moves a message to a status and posts its callback now. */
  async advance(
    message: StoredMessage,
    status: MessageStatus,
    errorCode: number | undefined,
    signal: AbortSignal,
  ): Promise<TwilioWebhookCall | undefined> {
    return this.#context.deliveries.status(this.#setStatus(message, status, errorCode), signal);
  }

  #messageFrom(form: URLSearchParams, accountSid: string): StoredMessage | Answer {
    const { options, accounts, senders, contents, optOuts, settings, windows } = this.#context;
    const { messagingServices = {} } = options;
    const { magicNumbers, bodyAlteration, optOutErrors, optOutCode, windowClosed, windowMs } = settings();
    return messageFrom(form, {
      accountSid,
      numbers: accounts.numbersOf(accountSid),
      messagingServices,
      magicNumbers,
      smartEncoded:
        bodyAlteration === 'smart-encoded' ||
        senders.services.get(form.get('MessagingServiceSid') ?? '')?.smart_encoding === true,
      content: (sid) => contents.get(sid),
      isOpen: (from, serviceSid, to) =>
        windows.isOpen(from ?? senders.pick(serviceSid, to) ?? '', to, windowMs),
      isOptedOut: (from, serviceSid, to) =>
        optOuts.has(from, to) ||
        Object.entries(messagingServices).some(
          ([sid, pool]) => (sid === serviceSid || pool.includes(from)) && optOuts.has(sid, to),
        ) ||
        (serviceSid !== null && optOuts.has(serviceSid, to)),
      optOutCode,
      atOnce: { optOut: optOutErrors === 'sync', window: windowClosed === 'sync' },
    });
  }

  /** accepted → queued → sending → sent → the end that is due. */
  async #progress(message: StoredMessage, signal: AbortSignal): Promise<void> {
    const { settings, deliveries } = this.#context;
    const { status: end, errorCode } = await this.#endOf(message, signal);
    const steps: MessageStatus[] = ['sending'];
    if (message.status === 'accepted') steps.unshift('queued');
    if (end !== 'failed') steps.push('sent');
    if (end === 'read') steps.push('delivered');
    steps.push(end);
    // Callbacks of one message follow each other (unless they are shuffled), but a slow receiver does not hold the message up.
    let callbacks: Promise<unknown> = Promise.resolve();
    try {
      for (const status of steps) {
        await pause(settings().stepMs, signal);
        const copy = this.#setStatus(message, status, status === end ? errorCode : undefined);
        const shuffled = settings().webhookJitterMs > 0;
        const before = shuffled ? Promise.resolve() : callbacks;
        const own = before.then(async () => deliveries.status(copy, signal));
        callbacks = shuffled ? Promise.all([callbacks, own]) : own;
      }
    } finally {
      await callbacks;
    }
  }

  /** What cannot be sent fails; else it ends as it was ordered to, by default delivered. */
  async #endOf(message: StoredMessage, signal: AbortSignal): Promise<End> {
    const outcome = this.#context.outcomes.take(message);
    if (message.lateErrorCode !== null) return { status: 'undelivered', errorCode: message.lateErrorCode };
    if (message.mediaUrls.length > 0) {
      const { media } = this.#context;
      const fetched = await this.#fetcher.fetch(message.mediaUrls, message.to, signal);
      if (typeof fetched === 'number') return { status: 'failed', errorCode: fetched };
      message.media = fetched.map((content) => media.keep(message, content));
    }
    return { status: outcome?.finalStatus ?? 'delivered', errorCode: outcome?.errorCode };
  }

  /** A copy of the message as it is at this status, for its callback. */
  #setStatus(message: StoredMessage, status: MessageStatus, errorCode: number | undefined): StoredMessage {
    message.status = status;
    message.updatedAtMs = Date.now();
    if (errorCode !== undefined) message.errorCode = errorCode;
    if (message.from === null) {
      const { senders } = this.#context;
      message.from = senders.pick(message.messagingServiceSid, message.to) ?? null;
      if (message.from !== null) senders.stick(message.messagingServiceSid, message.to, message.from);
      message.numSegments = isWhatsApp(message.to) ? 1 : segmentsOf(message.body);
    }
    if (status !== 'queued' && status !== 'sending') message.sentAtMs ??= Date.now();
    return { ...message };
  }
}
