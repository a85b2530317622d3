import { AsyncLocalStorage } from 'node:async_hooks';
import twilio from 'twilio';
import RequestClient from 'twilio/lib/base/RequestClient.js';
import type TwilioResponse from 'twilio/lib/http/response.js';
import type { CallContext } from '#core';
import type { ProviderHttp, ProviderHttpResponse } from '#platform';

// Only the sender loads this file, and only when it first sends: it pulls in Twilio's whole REST client.

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
  apiBaseUrl: string;
}

/** Far above any answer to a create; a larger one is no answer of Twilio's. */
const MAX_RESPONSE_BYTES = 256 * 1024;

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
    httpClient: new ProviderHttpClient(http, exchanges, new URL(options.apiBaseUrl).origin),
    // Empty rather than absent: the package would otherwise read them from the environment.
    edge: '',
    region: '',
    logLevel: '',
  });
  client.api.baseUrl = options.apiBaseUrl;
  return { client, run: (exchange, call) => exchanges.run(exchange, call) };
}

/** The package's extension point for HTTP. Its axios instance is made by the base class and never used. */
class ProviderHttpClient extends RequestClient {
  constructor(
    private readonly http: ProviderHttp,
    private readonly exchanges: AsyncLocalStorage<Exchange>,
    private readonly origin: string,
  ) {
    super();
  }

  override async request<TData>(
    options: RequestClient.RequestOptions<TData>,
  ): Promise<TwilioResponse.default<TData>> {
    const exchange = this.exchanges.getStore();
    if (!exchange) throw new Error('A call to Twilio was made without limits.');
    const { pathname, search } = new URL(options.uri);
    const response = await this.http.request({
      method: options.method === 'get' ? 'GET' : options.method === 'delete' ? 'DELETE' : 'POST',
      // The package rewrites host names by its own rules for regions; credentials go where the configuration says.
      url: this.origin + pathname + withParameters(search, options.params),
      headers: { ...options.headers, Authorization: basic(options.username, options.password) },
      ...(options.data !== undefined && { body: encode(options.data) }),
      timeoutMs: exchange.context.timeoutMs,
      beforeFirstByte: exchange.context.beforeFirstByte,
      maxResponseBytes: exchange.maxResponseBytes ?? MAX_RESPONSE_BYTES,
    });
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
}

function basic(username = '', password = ''): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
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
