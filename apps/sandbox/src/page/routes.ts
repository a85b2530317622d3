import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { agentChange, figuresIn } from '../chat-gateway/staff-controls.js';
import { ControlError, ControlInput, parseControlBody } from '../common/control.js';
import { isRecord } from '../common/http.js';
import { customerText } from './customer-text.js';
import { filesIn, MAX_UPLOAD_BYTES, sendFile, type StoredFile } from './files.js';
import type { Live } from './live.js';
import type { Sandbox } from './sandbox.js';
import { PROVIDER_MODES } from './state.js';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Handle = (input: ControlInput) => unknown;
type Route = (method: Method, url: string, status: number, handle: Handle, bodyLimit?: number) => void;
type FileRoute = (url: string, find: (params: Record<string, string>) => StoredFile) => void;

const MAX_FREEZE_SECONDS = 120;
const LIMITS = { customers: { min: 1, max: 100 }, texts: { min: 1, max: 200 } };

/** The sandbox's HTTP API below `/api`; described in its README. */
export function registerRoutes(app: FastifyInstance, sandbox: Sandbox, live: Live): void {
  const route: Route = (method, url, status, handle, bodyLimit) => {
    app.route({
      method,
      ...(bodyLimit !== undefined && { bodyLimit }),
      url: `/api${url}`,
      handler: async (request, reply) => {
        const result: unknown = await handle(inputOf(request));
        live.tick();
        return status === 204 ? reply.code(204).send() : reply.code(status).send(result);
      },
    });
  };

  const file: FileRoute = (url, find) => {
    app.get(`/api${url}`, (request, reply) => sendFile(reply, find(inputOf(request).params)));
  };

  app.get('/api/events', (request, reply) => live.subscribe(request, reply));
  route('GET', '/state', 200, async () => {
    await sandbox.refresh();
    return live.state();
  });

  registerPhones(route, file, sandbox);
  registerDesk(route, file, sandbox);
  registerCentre(route, sandbox);
  registerWorld(route, sandbox);
}

function registerPhones(route: Route, file: FileRoute, { phones }: Sandbox): void {
  const address = ({ params }: ControlInput): string => params['address'] ?? '';
  route('POST', '/phones', 201, (input) => {
    const channel =
      input.fields['channel'] === undefined ? undefined : input.oneOf('channel', ['sms', 'whatsapp']);
    const wanted = input.optionalText('address');
    const name = input.optionalText('name');
    return phones.add({
      ...(channel !== undefined && { channel }),
      ...(wanted !== undefined && { address: wanted }),
      ...(name !== undefined && { name }),
    });
  });
  route('PATCH', '/phones/:address', 200, (input) => {
    const number = input.optionalText('number');
    return phones.change(address(input), {
      ...optionalFlag(input, 'readReceipts'),
      ...optionalFlag(input, 'windowOpen'),
      ...(number !== undefined && { number }),
    });
  });
  route('DELETE', '/phones/:address', 204, (input) => phones.remove(address(input)));
  route(
    'POST',
    '/phones/:address/texts',
    201,
    async (input) => phones.text(address(input), customerText(input), input.optionalText('to')),
    MAX_UPLOAD_BYTES,
  );
  route('POST', '/phones/:address/read', 200, async (input) => phones.read(address(input)));
  file('/phones/:address/media/:sid', (params) => phones.file(params['address'] ?? '', params['sid'] ?? ''));
}

function registerDesk(route: Route, file: FileRoute, { desk }: Sandbox): void {
  const id = ({ params }: ControlInput): string => params['id'] ?? '';
  route('POST', '/conversations/:id/accept', 200, (input) => desk.accept(id(input), input.text('agentId')));
  route(
    'POST',
    '/conversations/:id/messages',
    201,
    (input) =>
      desk.reply(id(input), input.text('agentId'), {
        text: input.optionalText('text') ?? '',
        attachments: filesIn(input, 'attachments'),
        cards: input.records('cards'),
      }),
    MAX_UPLOAD_BYTES,
  );
  file('/conversations/:id/attachments/:attachmentId', (params) =>
    desk.file(params['id'] ?? '', params['attachmentId'] ?? ''),
  );
  route('POST', '/conversations/:id/typing', 200, (input) =>
    desk.type(id(input), input.text('agentId'), input.flag('typing', true)),
  );
  route('POST', '/conversations/:id/transfer', 200, (input) =>
    desk.transfer(id(input), input.text('agentId'), {
      queueId: input.optionalText('queueId'),
      toAgentId: input.optionalText('toAgentId'),
    }),
  );
  route('POST', '/conversations/:id/leave', 200, (input) => desk.leave(id(input), input.text('agentId')));
  route('POST', '/conversations/:id/end', 200, (input) => desk.end(id(input)));
}

function registerCentre(route: Route, { centre, desk }: Sandbox): void {
  const id = ({ params }: ControlInput): string => params['id'] ?? '';
  route('POST', '/agents', 201, (input) =>
    desk.agent(centre.addAgent(input.text('name'), agentChange(input)).id),
  );
  route('PATCH', '/agents/:id', 200, (input) =>
    desk.agent(centre.changeAgent(id(input), agentChange(input)).id),
  );
  route('POST', '/queues', 201, (input) => centre.addQueue(input.text('name'), input.optionalText('id')));
  route('PUT', '/queues/:id/statistics', 200, (input) => centre.setStatistics(id(input), figuresIn(input)));
  route('PUT', '/schedules/:id', 200, (input) =>
    centre.setSchedule(id(input), input.optionalNumber('status')),
  );
}

function registerWorld(route: Route, sandbox: Sandbox): void {
  const { machine, switches } = sandbox;
  route('PUT', '/providers/:provider', 200, async (input) => {
    const { provider } = input.params;
    if (provider !== 'twilio' && provider !== 'chat-gateway') {
      throw new ControlError(404, 'The providers are twilio and chat-gateway.');
    }
    const one = switches[provider];
    // Everything is read before anything is changed.
    const mode = input.oneOf('mode', PROVIDER_MODES, one.state.mode);
    const doubled = input.flag('doubled', one.state.doubled);
    const shuffled = input.flag('shuffled', one.state.shuffled);
    if (input.fields['mode'] !== undefined) await one.setMode(mode);
    one.setDoubled(doubled);
    one.setShuffled(shuffled);
    return one.state;
  });
  route('POST', '/worker/kill', 202, async () => {
    await machine.killWorker();
    return machine.state.worker;
  });
  route('POST', '/queue/freeze', 202, async (input) => {
    await machine.freezeQueue(within(input, 'seconds', { min: 1, max: MAX_FREEZE_SECONDS }, 10));
    return machine.state.queue;
  });
  route('POST', '/queue/thaw', 202, async () => {
    await machine.thawQueue();
    return machine.state.queue;
  });
  route('POST', '/postgres/restart', 202, async () => {
    await machine.restartPostgres();
    return machine.state.postgres;
  });
  route('POST', '/storm', 202, (input) =>
    sandbox.startStorm({
      customers: within(input, 'customers', LIMITS.customers, 12),
      texts: within(input, 'texts', LIMITS.texts, 10),
      faults: input.flag('faults', true),
    }),
  );
  route('DELETE', '/storm', 200, () => sandbox.stopStorm());
}

function optionalFlag<const Name extends string>(
  input: ControlInput,
  name: Name,
): Partial<Record<Name, boolean>> {
  if (input.fields[name] === undefined) return {};
  return { [name]: input.flag(name, false) } as Record<Name, boolean>;
}

function within(
  input: ControlInput,
  name: string,
  limits: { min: number; max: number },
  fallback: number,
): number {
  const value = input.fields[name] === undefined ? fallback : (input.optionalNumber(name) ?? Number.NaN);
  if (Number.isInteger(value) && value >= limits.min && value <= limits.max) return value;
  throw new ControlError(400, `${name} must be a whole number from ${limits.min} to ${limits.max}.`);
}

function inputOf({ params, query, body }: FastifyRequest): ControlInput {
  const texts = (value: unknown): Record<string, string> =>
    Object.fromEntries(Object.entries(isRecord(value) ? value : {}).map(([key, one]) => [key, String(one)]));
  const fields = parseControlBody(typeof body === 'string' ? body : '');
  return new ControlInput(texts(params), new URLSearchParams(texts(query)), fields);
}

/** `{ error }` in one sentence, whatever went wrong. */
export function answerError(error: unknown, reply: FastifyReply): FastifyReply {
  const status =
    error instanceof ControlError
      ? error.status
      : isRecord(error) && typeof error['statusCode'] === 'number'
        ? error['statusCode']
        : 500;
  const message = error instanceof Error ? error.message : String(error);
  return reply.code(status).send({ error: message });
}
