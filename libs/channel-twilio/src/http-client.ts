import { AsyncLocalStorage } from 'node:async_hooks';
import twilio from 'twilio';
import RequestClient from 'twilio/lib/base/RequestClient.js';
import type TwilioResponse from 'twilio/lib/http/response.js';
import type { CallContext } from '#core';
import type { ProviderHttp, ProviderHttpResponse } from '#platform';
import { loginOf, type TwilioLogin } from './login.js';

// Only the sender loads this file, and only when it first sends: it pulls in Twilio's whole REST client.

const METHODS = {
  get: 'GET',
  post: 'POST',
  put: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
} as const;

/** One call: the limits it goes out with, and afterwards what came back. */
export interface Exchange {
  context: CallContext;
  response?: ProviderHttpResponse;
  /** Far above any answer to a create unless told. */
  maxResponseBytes?: number;
}

export interface TwilioClientOptions {
  accountSid: string;
  username: string;
  password: string;
  /** Tried in order where Twilio refuses that one (401), as while an auth token is rotated. */
  otherPasswords?: readonly string[];
  apiBaseUrl: string;
  /** Where calls to messaging.twilio.com and content.twilio.com go. Where absent, to `apiBaseUrl`. */
  messagingBaseUrl?: string;
  contentBaseUrl?: string;
}

/** Far above any answer to a create; a larger one is no answer of Twilio's. */
const MAX_RESPONSE_BYTES = 256 * 1024;

/** The package's own names for the places that calls go to; it rewrites other hosts by its own rules for regions. */
const HOSTS = {
  api: 'api.twilio.com',
  messaging: 'messaging.twilio.com',
  content: 'content.twilio.com',
} as const;

/** Twilio's REST client over our own HTTP. Built once: a new one per call would cost more than the call. */
export interface TwilioRest {
  client: twilio.Twilio;
  /** Runs one call of `client` with the exchange's limits; the response is left in `exchange`. */
  run<T>(exchange: Exchange, call: () => Promise<T>): Promise<T>;
}

export function createTwilioRest(http: ProviderHttp, options: TwilioClientOptions): TwilioRest {
  const exchanges = new AsyncLocalStorage<Exchange>();
  const client = new twilio.Twilio(options.username, options.password, {
    accountSid: options.accountSid,
    httpClient: new ProviderHttpClient(http, exchanges, loginOf(options), basesOf(options)),
    // Empty rather than absent: the package would otherwise read them from the environment.
    edge: '',
    region: '',
    logLevel: '',
  });
  return { client, run: (exchange, call) => exchanges.run(exchange, call) };
}

/** Where the configuration says that each of Twilio's hosts is, by its name. */
function basesOf({ apiBaseUrl, messagingBaseUrl, contentBaseUrl }: TwilioClientOptions): Map<string, string> {
  return new Map([
    [HOSTS.api, apiBaseUrl],
    [HOSTS.messaging, messagingBaseUrl ?? apiBaseUrl],
    [HOSTS.content, contentBaseUrl ?? apiBaseUrl],
  ]);
}

/** The package's extension point for HTTP. Its axios instance is made by the base class and never used. */
class ProviderHttpClient extends RequestClient {
  constructor(
    private readonly http: ProviderHttp,
    private readonly exchanges: AsyncLocalStorage<Exchange>,
    private readonly login: TwilioLogin,
    private readonly bases: ReadonlyMap<string, string>,
  ) {
    super();
  }

  override async request<TData>(
    options: RequestClient.RequestOptions<TData>,
  ): Promise<TwilioResponse.default<TData>> {
    const exchange = this.exchanges.getStore();
    if (!exchange) throw new Error('A call to Twilio was made without limits.');
    const isJson = options.headers?.['Content-Type'] === 'application/json';
    const url = this.urlOf(options.uri, options.params);
    const endsAt = performance.now() + exchange.context.timeoutMs;
    const response = await this.login.call((authorization) =>
      this.http.request({
        method: METHODS[options.method],
        url,
        headers: { ...options.headers, Authorization: authorization },
        ...(options.data !== undefined && {
          body: isJson ? JSON.stringify(options.data) : encode(options.data),
        }),
        timeoutMs: Math.max(1, endsAt - performance.now()),
        beforeFirstByte: exchange.context.beforeFirstByte,
        maxResponseBytes: exchange.maxResponseBytes ?? MAX_RESPONSE_BYTES,
      }),
    );
    exchange.response = response;
    const body = response.body.toString('utf8');
    return {
      statusCode: response.status,
      // The package parses a string itself, and throws on one that is no JSON.
      body: body as TData,
      headers: response.headers,
      toString: () => `HTTP ${response.status}`,
    };
  }

  /** Credentials go where the configuration says, and nowhere else: a list names its next page by a whole URL. */
  private urlOf(uri: string, parameters: unknown): string {
    const { hostname, origin, pathname, search } = new URL(uri);
    const path = pathname + withParameters(search, parameters);
    const base = this.bases.get(hostname);
    if (base !== undefined) return base.replace(/\/+$/, '') + path;
    const isConfigured = [...this.bases.values()].some((each) => new URL(each).origin === origin);
    if (!isConfigured) throw new Error('A call to Twilio was about to go to another host.');
    return origin + path;
  }
}

function withParameters(search: string, parameters: unknown): string {
  const encoded = encode(parameters ?? {});
  if (encoded === '') return search;
  return search === '' ? `?${encoded}` : `${search}&${encoded}`;
}

type Scalar = string | number | boolean;

/** Form encoding as Twilio wants it: an array is its name repeated, what is undefined is left out. */
function encode(data: unknown): string {
  const form = new URLSearchParams();
  // The package's own serializers leave nothing but these.
  const fields = Object.entries((data ?? {}) as Record<string, Scalar | Scalar[] | null | undefined>);
  for (const [name, value] of fields) {
    for (const each of [value ?? []].flat()) form.append(name, String(each));
  }
  return form.toString();
}
