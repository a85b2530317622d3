import {
  DeliveryError,
  type CallContext,
  type FetchedReceipt,
  type InboundMessageReceived,
  type ListedInbound,
  type ListedSpan,
  type SenderNumber,
} from '#core';
import { failureOf, isNotFound, withoutEffect } from './call-result.js';
import type { Exchange, TwilioRest } from './http-client.js';
import { PAGE_SIZE, type ListedMessage } from './look-up.js';
import { fetchedReceipt, listedInbound, resourcesIn, withMedia } from './received.js';
import { SERVICE_SID } from './send-parameters.js';

/** Of one look at what was received: pages, and messages on each. */
const RECEIVED_PAGES = 5;
const RECEIVED_PAGE_SIZE = 200;
/** A page of messages with the longest texts, every character escaped. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/** Reading calls that share one deadline. */
export interface Reader {
  client: TwilioRest['client'];
  /** `body`: the answer as it came, which holds more than the package's types. */
  read: <T>(call: () => Promise<T>) => Promise<{ result: T; body: Record<string, unknown> }>;
}

/** They take no effect, so whatever goes wrong can be tried again. */
export function readerOf(rest: TwilioRest, context: CallContext): Reader {
  const endsAt = performance.now() + context.timeoutMs;
  return {
    client: rest.client,
    read: async (call) => {
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
    },
  };
}

/** The messages to one address, page by page, the newest first. */
export async function* pagesTo({ client, read }: Reader, to: string): AsyncGenerator<ListedMessage[]> {
  let page = (await read(() => client.messages.page({ to, pageSize: PAGE_SIZE }))).result;
  for (;;) {
    yield page.instances;
    const next = page.nextPageUrl;
    if (next === undefined) return;
    page = (await read(() => client.messages.getPage(next))).result;
  }
}

/** Twilio lists the newest first; inbound messages have the time at which it called their webhook, in whole seconds. */
export async function listReceived(
  { client, read }: Reader,
  { tenantId, number, since, until }: { tenantId: string; number: SenderNumber; since: Date; until: Date },
): Promise<ListedSpan> {
  // The numbers behind a service are not known here; they are told apart on the page.
  const service = SERVICE_SID.test(number.address) ? number.address : undefined;
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

/** The message with its media; those that Twilio does not have any more stay nameless. */
export async function readListed(
  { client, read }: Reader,
  event: InboundMessageReceived,
  apiBaseUrl: string,
): Promise<InboundMessageReceived> {
  try {
    const { body } = await read(() => client.messages(event.providerMessageId).media.page());
    return withMedia(event, resourcesIn(body, 'media_list'), apiBaseUrl);
  } catch (error) {
    if (isNotFound(error)) return event;
    throw error;
  }
}

export async function fetchReceipt(
  { client, read }: Reader,
  providerId: string,
): Promise<FetchedReceipt | undefined> {
  try {
    const { body } = await read(() => client.messages(providerId).fetch());
    return fetchedReceipt(body);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
