import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { RETRY_AFTER_MS, type Call, type Mood } from '../channel/world.js';
import type { PigeonMessage, PigeonText } from './posts.js';

interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

const REFUSALS: Partial<Record<Mood, Answer>> = {
  fails: { status: 500, body: {} },
  'foreign-page': { status: 200, body: '<html>' },
  'empty-answer': { status: 200, body: {} },
  'rate-limits': { status: 429, body: {}, headers: { 'retry-after': String(RETRY_AFTER_MS / 1_000) } },
  'refuses-credentials': { status: 401, body: {} },
  'rejects-recipient': { status: 400, body: { code: 'bad-recipient' } },
  'rejects-for-reasons-unknown': { status: 400, body: { code: 'mood' } },
  'rejects-as-opted-out': { status: 400, body: { code: 'unsubscribed' } },
  'rejects-outside-window': { status: 400, body: { code: 'window-closed' } },
  'rejects-our-sender': { status: 400, body: { code: 'bad-sender' } },
  'has-none': { status: 404, body: {} },
};

/** One of our messages as the provider keeps it. */
export type Kept = PigeonMessage & { callback: string; ttl?: number };

/** The provider of {@link PigeonChannel}, over HTTP. */
export class PigeonProvider {
  readonly messages: Kept[] = [];
  readonly received: { text: PigeonText; at: number }[] = [];
  readonly files = new Map<string, { type: string; bytes: Buffer }>();
  readonly calls: Call[] = [];
  private readonly moods = new Map<Call, Mood>();
  private readonly server: Server = createServer((request, response) => void this.serve(request, response));
  url = '';

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  next(call: Call, mood: Mood): void {
    if (mood === 'unreachable') this.vanish();
    else this.moods.set(call, mood);
  }

  keep(type: string, bytes: Buffer): { url: string; type: string } {
    const url = `${this.url}/files/${randomUUID()}`;
    this.files.set(url, { type, bytes });
    return { url, type };
  }

  async close(): Promise<void> {
    if (this.server.listening) this.vanish();
  }

  private vanish(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const url = new URL(request.url ?? '/', this.url);
    const call = callOf(request.method, url.pathname);
    this.calls.push(call);
    const mood = this.moods.get(call);
    this.moods.delete(call);
    const refused = mood && REFUSALS[mood];
    if (refused) return this.answer(response, refused);
    if (mood === 'hangs') return;
    if (mood === 'resets') return void request.socket.resetAndDestroy();
    const answer = this.handle(call, url, body);
    if (mood === 'hangs-having-taken') return;
    if (mood === 'resets-having-taken') return void request.socket.resetAndDestroy();
    if (mood === 'fails-having-taken') return this.answer(response, { status: 503, body: {} });
    if (mood === 'garbage-having-taken') return this.answer(response, { status: 200, body: '{"id": <' });
    if (mood === 'drips-having-taken') {
      const timer = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(timer));
      return;
    }
    if (mood === 'breaks-off-having-taken') {
      response.writeHead(201, { 'content-length': 100 });
      response.write('{"id":', () => setTimeout(() => response.destroy(), 20));
      return;
    }
    this.answer(response, answer);
  }

  private handle(call: Call, url: URL, body: Buffer): Answer {
    const query = (name: string) => url.searchParams.get(name) ?? '';
    switch (call) {
      case 'send': {
        const message: Kept = {
          ...(JSON.parse(body.toString()) as Kept),
          id: `p-${randomUUID()}`,
          status: 'waiting',
          createdAt: Date.now(),
        };
        this.messages.push(message);
        return { status: 201, body: { id: message.id } };
      }
      case 'list': {
        const items = this.messages.filter(
          ({ to, createdAt }) => to === query('to') && createdAt >= Number(query('since')),
        );
        return { status: 200, body: { items } };
      }
      case 'received': {
        const items = this.received.filter(
          ({ text, at }) =>
            text.to === query('to') && at >= Number(query('since')) && at <= Number(query('until')),
        );
        return { status: 200, body: { items: items.map(({ text }) => text) } };
      }
      case 'receipt': {
        const message = this.messages.find(({ id }) => url.pathname.endsWith(id));
        return message ? { status: 200, body: message } : { status: 404, body: {} };
      }
      case 'delete':
        return { status: this.files.delete(url.href) ? 200 : 404, body: {} };
      default: {
        const file = this.files.get(url.href);
        if (!file) return { status: 404, body: {} };
        return { status: 200, body: file.bytes, headers: { 'content-type': file.type } };
      }
    }
  }

  private answer(response: ServerResponse, { status, body, headers }: Answer): void {
    const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    response.writeHead(status, headers).end(bytes);
  }
}

function callOf(method: string | undefined, path: string): Call {
  if (method === 'POST') return 'send';
  if (method === 'DELETE') return 'delete';
  if (path === '/messages') return 'list';
  if (path === '/received') return 'received';
  return path.startsWith('/messages/') ? 'receipt' : 'media';
}
