import {
  DeliveryError,
  type Acceptor,
  type ChannelPort,
  type InboundMessageReceived,
  type ListedInbound,
} from '#core';
import type { NumberSpan, ReceivedMarks } from '#persistence';
import type { ProviderCalls } from './calls.js';
import type { ReconcileObserver } from './observer.js';
import type { Pass } from './pass.js';

/** Numbers of one pass; the others come with the next one. */
const MAX_NUMBERS = 200;
/** Looks at the provider's list for one number in one pass. */
const MAX_LOOKS = 24;
/** What a list did not show yet when it was looked at, milliseconds. */
const OVERLAP_MS = 300_000;
const LOOK_BACK_MS = 24 * 60 * 60 * 1000;
/** A shorter span is not divided any more: providers know whole seconds. */
const SHORTEST_SPAN_MS = 2_000;
/** Passes in which a number's attachments may fail before its messages go without them. */
const MAX_FAILURES = 5;
/** Messages accepted together. */
const SLICE = 50;

export interface ReceivedMessagesParts {
  marks: ReceivedMarks;
  channel: ChannelPort;
  /** Marks its keys as the reconciler's. */
  acceptor: Acceptor;
  calls: ProviderCalls;
  /** Whether an account is (still) this tenant's: whoever writes to another one's number is not its customer. */
  owns: (tenantId: string, account: string) => boolean;
  observer: ReconcileObserver;
  /** Younger messages are left to their webhooks, milliseconds. */
  afterMs: number;
}

/**
 * Customers' messages whose webhook never arrived: the provider gives up within seconds, so its list is compared with what was
 * accepted, per configured number and from where the last pass ended, in order of creation.
 */
export class ReceivedMessages {
  constructor(private readonly parts: ReceivedMessagesParts) {}

  async run(pass: Pass): Promise<void> {
    const { marks, afterMs } = this.parts;
    const times = { afterMs, overlapMs: OVERLAP_MS, lookBackMs: LOOK_BACK_MS };
    await pass.each(await marks.spans(MAX_NUMBERS, times), (span) => this.check(pass, span));
  }

  private async check(pass: Pass, span: NumberSpan): Promise<void> {
    const { marks, owns, observer } = this.parts;
    if (!owns(span.tenantId, span.account)) return marks.reached(span.numberId, span.until);
    try {
      await this.walk(pass, span);
    } catch (error) {
      await marks.failed(span.numberId, span.since);
      if (error instanceof DeliveryError)
        observer.failed('received', error.code, { numberId: span.numberId });
      throw error;
    }
  }

  /** A span that holds too much for one look is halved until its older half does not. */
  private async walk(pass: Pass, span: NumberSpan): Promise<void> {
    const { marks, channel, calls, observer } = this.parts;
    const { tenantId, numberId, ...number } = span;
    let { since, until } = span;
    for (let look = 0; look < MAX_LOOKS && !pass.isOver(); look += 1) {
      const { messages, complete } = await calls(
        { provider: 'channel', tenantId, account: span.account },
        (context) => channel.listReceived({ tenantId, number, since, until }, context),
      );
      const lengthMs = until.getTime() - since.getTime();
      if (!complete && lengthMs > SHORTEST_SPAN_MS) {
        until = new Date(since.getTime() + lengthMs / 2);
        continue;
      }
      if (!complete) observer.alarm('received-too-many', { numberId });
      if (!(await this.accept(pass, span, messages))) return;
      await marks.reached(numberId, until);
      if (until >= span.until) return;
      since = until;
      until = span.until;
    }
  }

  /** False where the pass ended before everything was in: what is in is known by its key next time. */
  private async accept(pass: Pass, span: NumberSpan, listed: ListedInbound[]): Promise<boolean> {
    const { marks, acceptor, observer } = this.parts;
    const unknown = await marks.unknown(listed.map(({ event }) => event.dedupeKey));
    // A keyword may have been stored without being heard; hearing it twice is harmless.
    const missing = listed.filter(
      ({ event }) => unknown.has(event.dedupeKey) || event.content.context?.keyword !== undefined,
    );
    for (let at = 0; at < missing.length; at += SLICE) {
      if (pass.isOver()) return false;
      const events: InboundMessageReceived[] = [];
      for (const one of missing.slice(at, at + SLICE)) events.push(await this.read(span, one));
      const results = await acceptor.accept(events);
      for (const [n, result] of results.entries()) {
        const ids = { numberId: span.numberId, providerId: events[n]?.providerMessageId };
        if (result === 'accepted') observer.found('inbound-message', ids);
        else if (result === 'invalid') observer.alarm('received-invalid', ids);
      }
    }
    return true;
  }

  private async read(span: NumberSpan, listed: ListedInbound): Promise<InboundMessageReceived> {
    if (listed.attachments === 0) return listed.event;
    const { channel, calls } = this.parts;
    try {
      const { tenantId, account } = span;
      return await calls({ provider: 'channel', tenantId, account }, (context) =>
        channel.readListed(listed, context),
      );
    } catch (error) {
      if (error instanceof DeliveryError && span.failures >= MAX_FAILURES) return listed.event;
      throw error;
    }
  }
}
