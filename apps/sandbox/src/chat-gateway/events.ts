import { randomUUID } from 'node:crypto';
import { type Activity, jitter, pause } from '../common/activity.js';
import type { AppendLog } from '../common/append-log.js';
import { type OnExchange, plainHeaders } from '../common/exchanges.js';
import type { WebhookPoster } from '../common/webhook-post.js';
import { eventHeaders, type SigningKey, signEvent } from './signing.js';

/** An event's envelope. Older forms have further fields beside `data`. */
export interface DeskEvent {
  eventType: string;
  conversationId?: string;
  timestamp?: number;
  data?: unknown;
  [field: string]: unknown;
}

/** One attempt to deliver an event. */
export interface EventCall {
  eventId: string;
  eventType: string;
  conversationId: string | null;
  url: string;
  retry: number;
  event: DeskEvent;
  status?: number;
  body?: string;
  error?: 'connect' | 'read-timeout' | 'reset';
}

export interface EventSettings {
  /** Keep events until they are released. */
  holdEvents: boolean;
  eventDelayMs: number;
  /** Spacing of the repeats; after the last one the event is given up. */
  eventRetryMs: number[];
  webhookCopies: number;
  /** Each call is held back for a random time up to this, and events overtake each other whatever `eventOrder` says. */
  webhookJitterMs: number;
  /** `sequential`: an event's first attempt ends before the next one of its conversation starts. */
  eventOrder: 'sequential' | 'concurrent';
  signEvents: boolean;
}

export interface EventSenderContext {
  customerId: string;
  tenantId: string;
  key: () => SigningKey;
  settings: () => EventSettings;
  activity: Activity;
  poster: WebhookPoster;
  calls: AppendLog<EventCall>;
  onExchange?: OnExchange | undefined;
}

interface Outgoing {
  eventId: string;
  url: string;
  event: DeskEvent;
  /** As sent, the same bytes in every attempt. */
  body: string;
}

const CONNECT_TIMEOUT_MS = 5000;
const READ_TIMEOUT_MS = 15_000;

/** Sends events to webhooks: signed, in order per conversation, repeated with the same id until a 2xx. */
export class EventSender {
  readonly #context: EventSenderContext;
  readonly #tails = new Map<string, Promise<unknown>>();
  #held: Outgoing[] = [];

  constructor(context: EventSenderContext) {
    this.#context = context;
  }

  /** Queues an event; its id. */
  send(url: string, event: DeskEvent): string {
    const outgoing = { eventId: randomUUID(), url, event, body: JSON.stringify(event) };
    if (this.#context.settings().holdEvents) this.#held.push(outgoing);
    else this.#dispatch(outgoing);
    return outgoing.eventId;
  }

  /** Sends what was held; how many. */
  release(order: 'sent' | 'reversed'): number {
    const released = order === 'sent' ? this.#held : this.#held.toReversed();
    this.#held = [];
    for (const outgoing of released) this.#dispatch(outgoing);
    return released.length;
  }

  reset(): void {
    this.#held = [];
    this.#tails.clear();
  }

  /** Sends an event once more as a repeat of the attempt that ended as `call`: same id, same bytes, higher retry. */
  repeat(call: EventCall): void {
    const { activity, settings } = this.#context;
    const { eventId, url, event } = call;
    const outgoing = { eventId, url, event, body: JSON.stringify(event) };
    activity.start(async (signal) => {
      await this.#attempt(outgoing, call.retry + 1, settings().signEvents, signal);
    });
  }

  /** `WEB_HOOK_VERIFY`, without a signature. True when it was answered 2xx. */
  async verify(url: string, version: string): Promise<boolean> {
    const event = { eventType: 'WEB_HOOK_VERIFY', notificationVersion: version };
    const outgoing = { eventId: randomUUID(), url, event, body: JSON.stringify(event) };
    const done = await this.#context.activity.run(async (signal) =>
      this.#attempt(outgoing, 0, false, signal),
    );
    return done ?? false;
  }

  #dispatch(outgoing: Outgoing): void {
    const { activity, settings } = this.#context;
    const { eventOrder, webhookCopies, eventDelayMs, webhookJitterMs } = settings();
    const lane = `${outgoing.url}|${outgoing.event.conversationId ?? outgoing.eventId}`;
    const inOrder = eventOrder === 'sequential' && webhookJitterMs === 0;
    const before = inOrder ? this.#tails.get(lane) : undefined;
    activity.start(async (signal) => {
      const first = (async () => {
        await before;
        if (eventDelayMs > 0) await pause(eventDelayMs, signal);
        const copies = Array.from({ length: Math.max(1, webhookCopies) }, async () => {
          await jitter(webhookJitterMs, signal);
          return this.#attempt(outgoing, 0, settings().signEvents, signal);
        });
        return (await Promise.all(copies))[0] ?? false;
      })();
      // The next event waits for this first attempt, whatever comes of it, not for repeats.
      const tail = first.catch(() => false);
      this.#tails.set(lane, tail);
      if (!(await first)) await this.#repeat(outgoing, signal);
      if (this.#tails.get(lane) === tail) this.#tails.delete(lane);
    });
  }

  async #repeat(outgoing: Outgoing, signal: AbortSignal): Promise<void> {
    const { eventRetryMs, signEvents } = this.#context.settings();
    for (const [index, waitMs] of eventRetryMs.entries()) {
      await pause(waitMs, signal);
      if (await this.#attempt(outgoing, index + 1, signEvents, signal)) return;
    }
  }

  async #attempt(outgoing: Outgoing, retry: number, signed: boolean, signal: AbortSignal): Promise<boolean> {
    const { customerId, tenantId, key, poster, calls, onExchange } = this.#context;
    const { eventId, body, url, event } = outgoing;
    const facts = { customerId, tenantId, eventId, retry, transmissionTimeMs: Date.now(), body };
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      'user-agent': 'chat-gateway-sandbox',
      ...eventHeaders(facts),
      ...(signed ? { 'x-8x8-signature': signEvent(key(), facts) } : {}),
    };
    const outcome = await poster.post({
      url,
      headers,
      body,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      readTimeoutMs: READ_TIMEOUT_MS,
      totalTimeoutMs: CONNECT_TIMEOUT_MS + READ_TIMEOUT_MS,
      signal,
    });
    const answered = outcome.kind === 'answered';
    const conversationId = event.conversationId ?? null;
    const call: EventCall = { eventId, eventType: event.eventType, conversationId, url, retry, event };
    calls.append(
      answered ? { ...call, status: outcome.status, body: outcome.body } : { ...call, error: outcome.error },
    );
    onExchange?.({
      direction: 'to-product',
      provider: 'chat-gateway',
      operation: event.eventType,
      method: 'POST',
      path: new URL(url).pathname,
      query: [...new URL(url).searchParams.entries()],
      requestHeaders: plainHeaders(headers),
      requestBody: body,
      status: answered ? outcome.status : null,
      responseHeaders: answered ? plainHeaders(outcome.headers) : {},
      responseBody: answered ? outcome.body : '',
    });
    return answered && outcome.status >= 200 && outcome.status < 300;
  }
}
