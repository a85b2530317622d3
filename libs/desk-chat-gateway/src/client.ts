import { DeliveryError, transportError } from '#core';
import type { CallContext } from '#core';
import { ProviderHttpError } from '#platform';
import type { ProviderHttp } from '#platform';
import { answerError } from './error-codes.js';
import type { ChatGatewayAnswer, Operation } from './error-codes.js';
import type { KeyAnswer } from './keys.js';
import type { MultipartForm } from './multipart.js';

/** Where the Chat Gateway is and how it knows us. */
export interface ChatGatewayAccount {
  /** Without `/chat-gateway/v1`. */
  baseUrl: string;
  apiKey: string;
  tenantId: string;
}

export interface ChatGatewayCall {
  operation: Operation;
  method: 'GET' | 'POST' | 'PATCH';
  /** Segments after `/chat-gateway/v1`, encoded here: ids come from outside. */
  path: string[];
  query?: Record<string, string>;
  body?: unknown;
  /** Instead of a body of JSON. */
  form?: MultipartForm;
}

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const KEY_TIMEOUT_MS = 2000;
const MAX_KEY_BYTES = 16 * 1024;

/** The Chat Gateway's REST API: addresses, headers, JSON, and one way to say what went wrong. */
export class ChatGatewayClient {
  constructor(
    private readonly http: Pick<ProviderHttp, 'request'>,
    private readonly account: ChatGatewayAccount,
    private readonly now: () => number = Date.now,
  ) {}

  /** Any 2xx without a body, or with one that can be read: a page comes from something in between. Else throws `DeliveryError`. */
  async call(call: ChatGatewayCall, context: CallContext): Promise<ChatGatewayAnswer> {
    const answer = await this.exchange(call, context);
    if (answer.status >= 200 && answer.status < 300 && answer.readable) return answer;
    throw answerError(call.operation, answer, this.now());
  }

  /** The error for a 2xx whose body is not what the contract says. */
  garbage(operation: Operation, answer: ChatGatewayAnswer): DeliveryError {
    return answerError(operation, answer, this.now());
  }

  /** A signing key by id. No API key: the service is public. Rejects when it gives no clear answer. */
  async fetchKey(kid: string): Promise<KeyAnswer> {
    const { status, body } = await this.http.request({
      method: 'GET',
      url: this.url(['jwk', kid, 'public']),
      headers: { accept: 'application/json', 'x-8x8-tenant': this.account.tenantId },
      timeoutMs: KEY_TIMEOUT_MS,
      maxResponseBytes: MAX_KEY_BYTES,
    });
    if (status === 404) return { found: false };
    if (status !== 200) throw new Error(`The key service answered ${status}.`);
    return { found: true, jwk: parseJson(body) };
  }

  get baseUrl(): string {
    return this.account.baseUrl;
  }

  /** Where a file of a conversation is, and what opens it there. */
  attachmentAt(
    conversationId: string,
    attachmentId: string,
  ): { url: string; headers: Record<string, string>; baseUrl: string } {
    return {
      url: this.url(['conversations', conversationId, 'attachments', attachmentId, 'content']),
      headers: { 'x-api-key': this.account.apiKey, 'x-8x8-tenant': this.account.tenantId },
      baseUrl: this.account.baseUrl,
    };
  }

  /** The error for another status than the one hoped for. */
  refusal(operation: Operation, status: number, retryAfter?: string): DeliveryError {
    const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
    return answerError(operation, { status, headers, json: undefined }, this.now());
  }

  private async exchange(
    call: ChatGatewayCall,
    context: CallContext,
  ): Promise<ChatGatewayAnswer & { readable: boolean }> {
    const { operation, method, path, query, body, form } = call;
    const content = form ? form.open() : body === undefined ? undefined : JSON.stringify(body);
    try {
      const response = await this.http.request({
        method,
        url: this.url(path, query),
        headers: {
          accept: 'application/hal+json, application/json',
          'x-api-key': this.account.apiKey,
          'x-8x8-tenant': this.account.tenantId,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...form?.headers,
        },
        ...(content !== undefined && { body: content }),
        timeoutMs: context.timeoutMs,
        beforeFirstByte: context.beforeFirstByte,
        maxResponseBytes: MAX_ANSWER_BYTES,
      });
      const { status, headers } = response;
      const json = parseJson(response.body);
      return { status, headers, json, readable: json !== undefined || response.body.length === 0 };
    } catch (error) {
      // Anything else is a request that can never be made: our own bug.
      if (!(error instanceof ProviderHttpError)) throw error;
      const repeatable = operation !== 'create' && operation !== 'message';
      const cause = error.code === 'stopped' && error.cause !== undefined ? error.cause : error;
      throw transportError(repeatable ? 'before-write' : error.phase, error.code, cause);
    } finally {
      if (typeof content === 'object') content.destroy();
    }
  }

  private url(path: string[], query: Record<string, string> = {}): string {
    const search = new URLSearchParams(query).toString();
    const base = this.account.baseUrl.replace(/\/+$/, '');
    return `${base}/chat-gateway/v1/${path.map(segment).join('/')}${search && `?${search}`}`;
  }
}

/** One path segment. Dots alone would climb out of the path, escaped or not. */
export function segment(id: string): string {
  if (/^\.{0,2}$/.test(id)) throw new TypeError('An id that cannot stand in a path.');
  return encodeURIComponent(id.toWellFormed());
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
