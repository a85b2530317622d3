import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const ORDER_NUMBER = /no\. (\d+)/;

/** A Chat Gateway that takes everything at once and remembers what came in which order. */
export class PlainDesk {
  conversations = 0;
  messages = 0;
  /** Messages that came after a later one of their conversation. */
  outOfOrder = 0;
  doubled = 0;
  /** When the newest message came, by `performance.now()`. */
  newestAt = 0;
  private readonly newest = new Map<string, number>();
  private readonly seen = new Set<number>();
  private waiting: { messages: number; resolve: () => void } | undefined;
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
    server.on('request', (request, response) => void this.serve(request, response));
  }

  static async start(): Promise<PlainDesk> {
    const server = createServer({ keepAliveTimeout: 65_000 });
    const desk = new PlainDesk(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return desk;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Resolves when so many messages have come altogether. */
  async has(messages: number, timeoutMs = 60_000): Promise<void> {
    if (this.messages >= messages) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.waiting = { messages, resolve };
      timer = setTimeout(
        () => reject(new Error(`${this.messages} of ${messages} messages came in time.`)),
        timeoutMs,
      );
    });
    clearTimeout(timer);
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [status, body] = this.answer(request, await bodyOf(request));
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  }

  private answer({ method, url = '' }: IncomingMessage, body: string): [status: number, body: string] {
    // Reconcilers may ask; there is nothing that they lack.
    if (method !== 'POST') return [200, JSON.stringify({ state: 'active', _embedded: { messages: [] } })];
    const [, conversation] = /\/conversations\/([^/]+)\/messages$/.exec(url) ?? [];
    if (conversation !== undefined) {
      this.take(conversation, Number(ORDER_NUMBER.exec(body)?.[1]));
      return [202, ''];
    }
    this.conversations += 1;
    return [201, JSON.stringify({ conversationId: `conversation-${this.conversations}` })];
  }

  private take(conversation: string, n: number): void {
    this.newestAt = performance.now();
    if (this.seen.has(n)) this.doubled += 1;
    this.seen.add(n);
    if ((this.newest.get(conversation) ?? 0) > n) this.outOfOrder += 1;
    else this.newest.set(conversation, n);
    this.messages += 1;
    if (this.waiting && this.messages >= this.waiting.messages) {
      this.waiting.resolve();
      this.waiting = undefined;
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
