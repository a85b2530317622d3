import { setTimeout as delay } from 'node:timers/promises';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Activity } from './activity.js';
import { changedSettings, ControlError, ControlInput, parseControlBody } from './control.js';
import { type OnExchange, plainHeaders, type ProviderName } from './exchanges.js';
import { FAULT_EFFECTS, type Fault, type Faults, type FaultSpec } from './faults.js';
import { type Answer, answer, type Call, emptyAnswer } from './http.js';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a simulator gives to the shared control calls. */
export interface ControlTarget {
  readonly faults: Faults;
  readonly activity: Activity;
  settings: object;
  logAfter(index: number): object[];
  webhooksAfter(index: number): object[];
  reset(): void;
}

export interface SimulatorServerOptions {
  provider: ProviderName;
  faults: Faults;
  onExchange?: OnExchange | undefined;
  /** The provider's own error body for an injected status, and for a path it does not serve. */
  errorAnswer(status: number, call: Call, code?: number | string): Answer;
  /** Refuses a call without valid credentials. Runs after faults of kind `before`. */
  authorize(call: Call, operation: string): Answer | undefined;
}

/** A provider's HTTP server: its operations with faults and recording around them, and the control API beside them. */
export class SimulatorServer {
  readonly #app: FastifyInstance = fastify({ bodyLimit: 16 * 1024 * 1024, forceCloseConnections: true });
  readonly #options: SimulatorServerOptions;

  constructor(options: SimulatorServerOptions) {
    this.#options = options;
    this.#app.removeAllContentTypeParsers();
    this.#app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    this.#app.setNotFoundHandler(async (request, reply) =>
      this.#serve('unknown', request, reply, (call) => options.errorAnswer(404, call)),
    );
  }

  /** Starts listening; the base URL. */
  async listen(host: string, port: number): Promise<string> {
    return this.#app.listen({ host, port });
  }

  async close(): Promise<void> {
    await this.#app.close();
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

  /** A control call below `/__sandbox`: what the handler returns is the JSON answer, undefined is a 204. */
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
        try {
          const value: unknown = await handle(
            new ControlInput(call.params, call.query, parseControlBody(call.body)),
          );
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

  /** The control calls that both simulators have. */
  sharedControls(target: ControlTarget): void {
    const { provider } = this.#options;
    const after = (input: ControlInput): number => Number(input.query.get('after') ?? 0);
    this.control('GET', '/health', () => ({ ok: true, name: provider }));
    this.control('GET', '/log', (input) => ({ items: target.logAfter(after(input)) }));
    this.control('GET', '/webhooks', (input) => ({ items: target.webhooksAfter(after(input)) }));
    this.control('GET', '/settings', () => target.settings);
    this.control('PATCH', '/settings', (input) => {
      target.settings = changedSettings(target.settings, input.fields);
      return target.settings;
    });
    this.control('GET', '/faults', () => ({ items: target.faults.items }));
    this.control('POST', '/faults', (input) => target.faults.arm(faultSpec(input)), 201);
    this.control('DELETE', '/faults', () => target.faults.disarmAll());
    this.control('POST', '/settle', async (input) => ({
      settled: await target.activity.settle(input.optionalNumber('timeoutMs') ?? 5000),
    }));
    this.control('POST', '/reset', () => target.reset());
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
  async #spoil(operation: string, call: Call, result: Answer, fault: Fault, reply: FastifyReply): Promise<unknown> {
    if (fault.effect === 'answer') {
      const replaced = this.#faultAnswer(fault, call);
      this.#record(operation, call, replaced, fault);
      return send(reply, replaced);
    }
    this.#record(operation, call, fault.effect === 'slow' ? result : undefined, fault);
    if (fault.effect === 'hang' || fault.effect === 'reset') return breakOff(reply, fault);
    if (fault.effect === 'slow') await delay(fault.delayMs ?? 1000);
    if (fault.effect === 'garbage') return send(reply, { ...result, body: '{"sid": <html>' });
    if (fault.effect === 'half-body') return sendHalf(reply, result);
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
      requestBody: call.body,
      status: result?.status ?? null,
      responseHeaders: plainHeaders(result?.headers ?? {}),
      responseBody: result?.body ?? '',
      ...(fault && !(fault.effect === 'slow') ? { fault: fault.effect } : {}),
    });
  }
}

function callOf(request: FastifyRequest): Call {
  const [path = '/', query = ''] = split(request.raw.url ?? '/');
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
  };
}

function split(url: string): [string, string] {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
}

function send(reply: FastifyReply, result: Answer): FastifyReply {
  void reply.code(result.status).headers(result.headers);
  return result.body === '' ? reply.send() : reply.send(Buffer.from(result.body));
}

function breakOff(reply: FastifyReply, fault: Fault): FastifyReply {
  reply.hijack();
  // A hung call stays open until the caller goes or the server closes.
  if (fault.effect === 'reset') reply.raw.socket?.resetAndDestroy();
  return reply;
}

function sendHalf(reply: FastifyReply, result: Answer): FastifyReply {
  reply.hijack();
  const bytes = Buffer.from(result.body === '' ? '{}' : result.body);
  reply.raw.writeHead(result.status, { ...result.headers, 'content-length': String(bytes.length) });
  reply.raw.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () =>
    // A moment for the kernel to deliver the half before the reset discards what is queued.
    setTimeout(() => reply.raw.socket?.resetAndDestroy(), 20),
  );
  return reply;
}

async function drip(reply: FastifyReply, result: Answer, delayMs: number): Promise<FastifyReply> {
  reply.hijack();
  const bytes = Buffer.from(result.body === '' ? '{}' : result.body);
  reply.raw.writeHead(result.status, { ...result.headers, 'content-length': String(bytes.length) });
  for (const byte of bytes) {
    if (reply.raw.destroyed) break;
    reply.raw.write(Buffer.of(byte));
    await delay(delayMs);
  }
  reply.raw.end();
  return reply;
}

function faultSpec(input: ControlInput): FaultSpec {
  const spec: FaultSpec = {
    operation: input.text('operation'),
    effect: input.oneOf('effect', FAULT_EFFECTS),
    when: input.oneOf('when', ['before', 'after'], 'before'),
    times: input.fields['times'] === null ? null : (input.optionalNumber('times') ?? 1),
    skip: input.optionalNumber('skip') ?? 0,
  };
  const { code } = input.fields;
  return {
    ...spec,
    ...optional('contains', input.optionalText('contains')),
    ...optional('delayMs', input.optionalNumber('delayMs')),
    ...optional('status', input.optionalNumber('status')),
    ...optional('retryAfter', input.fields['retryAfter'] === undefined ? undefined : String(input.fields['retryAfter'])),
    ...optional('body', input.optionalText('body')),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
  };
}

/** `{ [name]: value }`, or nothing when there is no value (exactOptionalPropertyTypes tells the two apart). */
function optional<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
  const result: Partial<Record<K, V>> = {};
  if (value !== undefined) result[name] = value;
  return result;
}
