import type { CallContext } from '#core';
import { ProviderHttpError, type ProviderHttp } from '#platform';
import type { AccountsOptions } from '../accounts.js';
import type { Exchange, TwilioRest } from '../http-client.js';
import { RestClients } from '../rest-clients.js';
import { ProvisioningError, refusalOf } from './provisioning-error.js';
import {
  changesOf,
  differencesOf,
  wantedFields,
  type TargetKind,
  type WebhookDifference,
} from './targets.js';
import { webhookUrls, type WebhookBases, type WebhookUrls } from './webhook-urls.js';

export interface TwilioProvisioningOptions extends AccountsOptions {
  /** The main account's, which sign its webhooks, whatever calls log in with. */
  authTokens?: readonly string[];
  publicBaseUrl: string;
  fallbackBaseUrl?: string;
}

/** One of our addresses, as it is configured here. */
export interface ProvisionedAddress {
  /** E.164, a short code, `whatsapp:` + E.164, or a Messaging Service's sid. */
  address: string;
  account: string;
  messagingServiceSid?: string | null;
}

/** What would have to change at Twilio so that an address leads to us. */
export interface ProvisioningPlan {
  account: string;
  /** The resource that decides where this address' messages go. */
  target: { kind: TargetKind; sid: string };
  /** What an operator should know, in plain words. */
  notes: string[];
  /** Empty: nothing is to be done. */
  differences: WebhookDifference[];
}

type Client = TwilioRest['client'];
/** Makes calls that share one deadline; a failure comes as {@link ProvisioningError}. */
type Run = <T>(call: (client: Client) => Promise<T>) => Promise<T>;
type Service = Awaited<ReturnType<ReturnType<Client['messaging']['v1']['services']>['fetch']>>;

const SERVICE_SID = /^MG[0-9A-Za-z]+$/;
const SHORT_CODE = /^\d{3,6}$/;
/** Services that are looked through for a number, and of those at once. */
const MAX_SERVICES = 100;
const AT_ONCE = 5;
const SENDERS_PAGE_SIZE = 100;
const MAX_PAGES = 20;
/** A page of senders, each with its business profile. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;

/**
 * Points numbers, Messaging Services and WhatsApp senders at us. Reads before it writes, and writes only what differs.
 * Sources: https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource,
 * https://www.twilio.com/docs/messaging/api/service-resource, https://www.twilio.com/docs/whatsapp/api/senders
 */
export class TwilioProvisioning {
  private readonly rests: RestClients;

  constructor(
    private readonly http: ProviderHttp,
    private readonly options: TwilioProvisioningOptions,
  ) {
    this.rests = new RestClients(http, options);
  }

  /** What Twilio should call. Throws {@link ProvisioningError} where it cannot be pointed there. */
  urls(): WebhookUrls {
    const { publicBaseUrl, fallbackBaseUrl, apiBaseUrl }: WebhookBases = this.options;
    return webhookUrls({
      publicBaseUrl,
      apiBaseUrl,
      ...(fallbackBaseUrl !== undefined && { fallbackBaseUrl }),
    });
  }

  /** Twilio's clock, epoch ms, where it tells; rejects with {@link ProvisioningError} where it refuses this account or is away. */
  async probe(account: string, context: CallContext): Promise<{ date?: number }> {
    const rest = await this.loadRest(account);
    const exchange: Exchange = { context, maxResponseBytes: MAX_RESPONSE_BYTES };
    try {
      await rest.run(exchange, () => rest.client.incomingPhoneNumbers.page({ pageSize: 1 }));
    } catch (error) {
      throw failureOf(exchange, error);
    }
    const date = Date.parse(exchange.response?.headers['date'] ?? '');
    return Number.isNaN(date) ? {} : { date };
  }

  /** How many of the main account's auth tokens Twilio takes: those that it does not sign nothing. */
  async tokensTaken(context: CallContext): Promise<{ taken: number; of: number }> {
    const { accountSid, authTokens = [], apiBaseUrl } = this.options;
    const url = `${apiBaseUrl.replace(/\/+$/, '')}/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers.json?PageSize=1`;
    const answers = await Promise.all(
      authTokens.map(async (token) => {
        const authorization = `Basic ${Buffer.from(`${accountSid}:${token}`).toString('base64')}`;
        const exchange: Exchange = { context };
        try {
          const { status } = await this.http.request({
            method: 'GET',
            url,
            headers: { authorization },
            timeoutMs: context.timeoutMs,
            maxResponseBytes: MAX_RESPONSE_BYTES,
          });
          return status;
        } catch (error) {
          throw failureOf(exchange, error);
        }
      }),
    );
    return { taken: answers.filter((status) => status !== 401).length, of: answers.length };
  }

  /** Rejects with {@link ProvisioningError}. */
  async plan(of: ProvisionedAddress, context: CallContext): Promise<ProvisioningPlan> {
    const urls = this.urls();
    const run = await this.session(of.account, context);
    const { address, account } = of;
    const plan = (
      kind: TargetKind,
      sid: string,
      resource: object,
      notes: string[] = [],
    ): ProvisioningPlan => ({
      account,
      target: { kind, sid },
      notes,
      differences: differencesOf(resource, wantedFields(kind, urls, sid === address)),
    });
    if (SERVICE_SID.test(address)) {
      const service = await run((client) => client.messaging.v1.services(address).fetch());
      return plan('service', service.sid, service);
    }
    const own = await ownResource(run, address);
    const { service, notes } = await serviceOf(run, own, of.messagingServiceSid ?? undefined);
    return service && !service.useInboundWebhookOnNumber
      ? plan('service', service.sid, service, notes)
      : plan(own.kind, own.sid, own.resource, notes);
  }

  /** Changes what the plan lists and nothing else. Rejects with {@link ProvisioningError}. */
  async apply({ account, target, differences }: ProvisioningPlan, context: CallContext): Promise<void> {
    if (differences.length === 0) return;
    const run = await this.session(account, context);
    const changes = changesOf(differences);
    const { kind, sid } = target;
    switch (kind) {
      case 'number':
        await run((client) => client.incomingPhoneNumbers(sid).update(changes));
        return;
      case 'short-code':
        await run((client) => client.shortCodes(sid).update(changes));
        return;
      case 'service':
        await run((client) => client.messaging.v1.services(sid).update(changes));
        return;
      case 'sender': {
        const { webhook } = await run((client) => client.messaging.v2.channelsSenders(sid).fetch());
        // Whether Twilio keeps what an update leaves out of an object it does not say, so nothing is left out.
        const whole = snakeCased(Object.assign({}, webhook, changes));
        await run((client) => client.messaging.v2.channelsSenders(sid).update({ webhook: whole as never }));
      }
    }
  }

  private async session(account: string, context: CallContext): Promise<Run> {
    const endsAt = performance.now() + context.timeoutMs;
    const rest = await this.loadRest(account);
    return async (call) => {
      const timeoutMs = Math.max(1, endsAt - performance.now());
      const exchange: Exchange = { context: { ...context, timeoutMs }, maxResponseBytes: MAX_RESPONSE_BYTES };
      try {
        return await rest.run(exchange, () => call(rest.client));
      } catch (error) {
        throw failureOf(exchange, error);
      }
    };
  }

  private loadRest(account: string): Promise<TwilioRest> {
    const rest = this.rests.of(account);
    if (rest) return rest;
    throw new ProvisioningError(
      'other-account',
      'The number belongs to no account in TWILIO_ACCOUNT_SID or TWILIO_SUBACCOUNTS.',
    );
  }
}

interface OwnResource {
  kind: 'number' | 'short-code' | 'sender';
  sid: string;
  resource: object;
}

/** The address' own resource at Twilio, whoever decides. */
async function ownResource(run: Run, address: string): Promise<OwnResource> {
  if (address.startsWith('whatsapp:')) {
    const { sid, webhook } = await senderOf(run, address);
    return { kind: 'sender', sid, resource: webhook ?? {} };
  }
  if (SHORT_CODE.test(address)) {
    const { instances } = await run((client) => client.shortCodes.page({ shortCode: address }));
    const found = instances.find(({ shortCode }) => String(shortCode) === address);
    if (!found) throw unknown('short code');
    return { kind: 'short-code', sid: found.sid, resource: found };
  }
  const { instances } = await run((client) => client.incomingPhoneNumbers.page({ phoneNumber: address }));
  const found = instances.find(({ phoneNumber }) => phoneNumber === address);
  if (!found) throw unknown('number');
  return { kind: 'number', sid: found.sid, resource: found };
}

async function senderOf(run: Run, address: string) {
  let page = await run((client) =>
    client.messaging.v2.channelsSenders.page({ channel: 'whatsapp', pageSize: SENDERS_PAGE_SIZE }),
  );
  for (let n = 1; ; n += 1) {
    const found = page.instances.find(({ senderId }) => senderId === address);
    if (found) return found;
    const next = page.nextPageUrl;
    if (next === undefined || n >= MAX_PAGES) throw unknown('WhatsApp sender');
    page = await run((client) => client.messaging.v2.channelsSenders.getPage(next));
  }
}

function unknown(what: string): ProvisioningError {
  return new ProvisioningError('unknown-address', `Twilio has no such ${what} in this account.`);
}

/** The Messaging Service that a number or sender is in, of which nothing but the services themselves tell. */
async function serviceOf(
  run: Run,
  own: OwnResource,
  configured: string | undefined,
): Promise<{ service?: Service; notes: string[] }> {
  const notes: string[] = [];
  if (configured !== undefined) {
    const service = await unlessNotFound(run((client) => client.messaging.v1.services(configured).fetch()));
    if (service && (await isIn(run, own, configured))) return { service, notes: [wordOf(service)] };
    notes.push(
      service
        ? 'It is not in the Messaging Service that is configured for it.'
        : 'The Messaging Service that is configured for it does not exist.',
    );
  }
  const page = await unlessNotFound(
    run((client) => client.messaging.v1.services.page({ pageSize: MAX_SERVICES })),
  );
  const services = page?.instances ?? [];
  for (let at = 0; at < services.length; at += AT_ONCE) {
    const some = services.slice(at, at + AT_ONCE);
    const members = await Promise.all(some.map(({ sid }) => isIn(run, own, sid)));
    const service = some.find((_, n) => members[n]);
    if (service) return { service, notes: [...notes, wordOf(service)] };
  }
  if (page?.nextPageUrl !== undefined) {
    notes.push(
      `Only the first ${MAX_SERVICES} Messaging Services were looked through: where it is in another one, configure that one for it.`,
    );
  }
  return { notes };
}

function wordOf({ sid, useInboundWebhookOnNumber }: Service): string {
  return useInboundWebhookOnNumber
    ? `It is in the Messaging Service ${sid}, which leaves it to the number where messages go.`
    : `It is in the Messaging Service ${sid}, which decides where messages go: the number's own URLs are not used.`;
}

async function isIn(run: Run, { kind, sid }: OwnResource, serviceSid: string): Promise<boolean> {
  const member = run<unknown>(({ messaging }) => {
    const service = messaging.v1.services(serviceSid);
    if (kind === 'sender') return service.channelSenders(sid).fetch();
    return kind === 'number' ? service.phoneNumbers(sid).fetch() : service.shortCodes(sid).fetch();
  });
  return (await unlessNotFound(member)) !== undefined;
}

async function unlessNotFound<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof ProvisioningError && error.httpStatus === 404) return undefined;
    throw error;
  }
}

/** The package sends this object as it is, and its own names are not Twilio's. */
function snakeCased(object: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object).flatMap(([name, value]) =>
      value === undefined || value === null
        ? []
        : [[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]],
    ),
  );
}

/** The package's own errors are never passed on: their messages quote numbers. What is our own bug stays what it is. */
function failureOf({ response }: Exchange, error: unknown): unknown {
  if (error instanceof ProviderHttpError) {
    return new ProvisioningError(
      'not-available',
      'Twilio could not be reached in time: try again in a while.',
      {
        cause: error,
      },
    );
  }
  if (!response) return error;
  if (response.status >= 200 && response.status < 300) {
    return new ProvisioningError('not-available', "Twilio's answer could not be read.", {
      httpStatus: response.status,
    });
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return refusalOf(response.status, /^[1-9]\d{0,5}$/.test(code) ? code : undefined);
}
