import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ControlError, ControlInput, parseControlBody } from './control.js';
import { isForeign } from './foreigners.js';
import { type OnExchange, plainHeaders, type ProviderName } from './exchanges.js';
import type { Fault, Faults } from './faults.js';
import { type Answer, answer, type Call, emptyAnswer, isRecord, type Upload } from './http.js';
import { readUpload, shownBody, shownUpload } from './uploads.js';
import { breakOff, drip, foreignPage, huge, send, sendHalf, sendHeaders } from './replies.js';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface SimulatorServerOptions {
  provider: ProviderName;
  faults: Faults;
  onExchange?: OnExchange | undefined;
  /** The provider's own error body for an injected status, and for a path it does not serve. */
  errorAnswer(status: number, call: Call, code?: number | string): Answer;
  /** Refuses a call without valid credentials. Runs after faults of kind `before`. */
  authorize(call: Call, operation: string): Answer | undefined;
  /** Of a multipart body; none is taken without it. */
  maxUploadBytes?: () => number;
}

/** Control calls carry pictures as base64. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** A provider's HTTP server: its operations with faults and recording around them, and the control API beside them. */
export class SimulatorServer {
  readonly #app: FastifyInstance = fastify({ bodyLimit: MAX_BODY_BYTES, forceCloseConnections: true });
  readonly #options: SimulatorServerOptions;
  #address = { host: '', port: 0 };

  constructor(options: SimulatorServerOptions) {
    this.#options = options;
    this.#app.removeAllContentTypeParsers();
    this.#app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    this.#app.addContentTypeParser('multipart/form-data', async (request: FastifyRequest, body: Readable) =>
      readUpload(body, request.headers['content-type'] ?? '', options.maxUploadBytes?.() ?? 0),
    );
    this.#app.setNotFoundHandler(async (request, reply) =>
      this.#serve('unknown', request, reply, (call) => options.errorAnswer(404, call)),
    );
  }

  /** Starts listening; the base URL. */
  async listen(host: string, port: number): Promise<string> {
    const url = await this.#app.listen({ host, port });
    this.#address = { host, port: Number(new URL(url).port) };
    return url;
  }

  async close(): Promise<void> {
    await this.#app.close();
  }

  /** Whether nothing listens on the port: {@link vanish}. */
  get gone(): boolean {
    return !this.#app.server.listening;
  }

  /** The provider is gone: connections are refused, and those that exist break off. Control calls are gone with it. */
  vanish(): void {
    this.#app.server.close();
    this.#app.server.closeAllConnections();
  }

  /** Listens again, on the port it had. */
  async comeBack(): Promise<void> {
    if (!this.gone) return;
    const { server } = this.#app;
    const { host, port } = this.#address;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  }

  /** An operation of the provider. The handler never sees faults, the reply or the recording. */
  operation(
    name: string,
    method: Method,
    path: string,
    handle: (call: Call) => Answer | Promise<Answer>,
  ): void {
    this.#app.route({
      method,
      url: path,
      handler: async (request, reply) => this.#serve(name, request, reply, handle),
    });
  }

  /** A control call below `/__sandbox`: what the handler returns is the JSON answer (or a whole answer), undefined is a 204. */
  control(
    method: Method,
    path: string,
    handle: (input: ControlInput) => unknown,
    successStatus: 200 | 201 | 202 = 200,
  ): void {
    this.#app.route({
      method,
      url: `/__sandbox${path}`,
      handler: async (request, reply) => {
        const call = callOf(request);
        let result: Answer;
        if (isForeign(request.headers, this.#address.host)) {
          return send(
            reply,
            answer(403, 'application/json', { error: 'Other sites have no business here.' }),
          );
        }
        try {
          const value: unknown = await handle(
            new ControlInput(call.params, call.query, parseControlBody(call.body)),
          );
          if (isAnswer(value)) result = value;
          else
            result =
              value === undefined ? emptyAnswer(204) : answer(successStatus, 'application/json', value);
        } catch (cause) {
          if (!(cause instanceof ControlError)) throw cause;
          result = answer(cause.status, 'application/json', { error: cause.message });
        }
        return send(reply, result);
      },
    });
  }

  async #serve(
    operation: string,
    request: FastifyRequest,
    reply: FastifyReply,
    handle: (call: Call) => Answer | Promise<Answer>,
  ): Promise<unknown> {
    const call = callOf(request);
    const fault = this.#options.faults.take(operation, `${call.url}\n${call.body}`);
    let result: Answer | undefined;
    if (fault?.when === 'before') {
      if (fault.effect === 'slow') await delay(fault.delayMs ?? 1000);
      if (fault.effect === 'answer') result = this.#faultAnswer(fault, call);
      if (fault.effect === 'wrong-type') result = foreignPage(fault.status ?? 200);
    }
    if (fault?.when === 'before' && (fault.effect === 'hang' || fault.effect === 'reset')) {
      this.#record(operation, call, undefined, fault);
      return breakOff(reply, fault);
    }
    result ??= this.#options.authorize(call, operation) ?? (await handle(call));
    if (fault?.when === 'after') return this.#spoil(operation, call, result, fault, reply);
    this.#record(operation, call, result, fault);
    return send(reply, result);
  }

  /** The call has taken effect; its answer suffers. */
  async #spoil(
    operation: string,
    call: Call,
    result: Answer,
    fault: Fault,
    reply: FastifyReply,
  ): Promise<unknown> {
    if (fault.effect === 'answer' || fault.effect === 'wrong-type') {
      const replaced =
        fault.effect === 'answer'
          ? this.#faultAnswer(fault, call)
          : foreignPage(fault.status ?? result.status);
      this.#record(operation, call, replaced, fault);
      return send(reply, replaced);
    }
    this.#record(operation, call, fault.effect === 'slow' ? result : undefined, fault);
    if (fault.effect === 'hang' || fault.effect === 'reset') return breakOff(reply, fault);
    if (fault.effect === 'slow') await delay(fault.delayMs ?? 1000);
    if (fault.effect === 'garbage') return send(reply, { ...result, bytes: Buffer.from('{"sid": <html>') });
    if (fault.effect === 'headers-only') return sendHeaders(reply, result);
    if (fault.effect === 'half-body') return sendHalf(reply, result);
    if (fault.effect === 'huge-body') return send(reply, huge(result));
    if (fault.effect === 'drip') return drip(reply, result, fault.delayMs ?? 1000);
    return send(reply, result);
  }

  #faultAnswer(fault: Fault, call: Call): Answer {
    const status = fault.status ?? 500;
    const result = this.#options.errorAnswer(status, call, fault.code);
    if (fault.retryAfter !== undefined) result.headers['retry-after'] = fault.retryAfter;
    if (fault.body !== undefined) result.body = fault.body;
    return result;
  }

  #record(operation: string, call: Call, result: Answer | undefined, fault: Fault | undefined): void {
    this.#options.onExchange?.({
      direction: 'to-provider',
      provider: this.#options.provider,
      operation,
      method: call.method,
      path: call.path,
      query: [...call.query.entries()],
      requestHeaders: plainHeaders(call.headers),
      requestBody: call.upload === undefined ? call.body : shownUpload(call.upload),
      status: result?.status ?? null,
      responseHeaders: plainHeaders(result?.headers ?? {}),
      responseBody: result === undefined ? '' : shownBody(result),
      ...(fault && !(fault.effect === 'slow') ? { fault: fault.effect } : {}),
    });
  }
}

function callOf(request: FastifyRequest): Call {
  const [path, query] = split(request.raw.url ?? '/');
  const params: Record<string, string> = {};
  if (typeof request.params === 'object' && request.params !== null) {
    for (const [name, value] of Object.entries(request.params)) params[name] = String(value);
  }
  return {
    method: request.method,
    path,
    url: request.raw.url ?? '/',
    params,
    query: new URLSearchParams(query),
    headers: request.headers,
    body: typeof request.body === 'string' ? request.body : '',
    ...(isUpload(request.body) ? { upload: request.body } : {}),
  };
}

function isUpload(body: unknown): body is Upload | 'too-large' {
  return body === 'too-large' || (isRecord(body) && Buffer.isBuffer(body['bytes']));
}

function isAnswer(value: unknown): value is Answer {
  return isRecord(value) && typeof value['status'] === 'number' && isRecord(value['headers']);
}

function split(url: string): [string, string] {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
}
