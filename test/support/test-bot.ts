import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { BotEvent } from '#core';

/** A bot as its makers would write it: it checks who calls with the published library, and knows by the id what it has had. */
export class TestBot {
  static readonly secret = `whsec_${Buffer.from('a-bot-and-its-bridge-know-it').toString('base64')}`;
  readonly events: BotEvent[] = [];
  /** Posts that repeated one that it had had. */
  repeats = 0;
  /** Posts whose signature was wrong. */
  forged = 0;
  /** What it answers with, before it takes anything. */
  refuses: number | undefined;
  private readonly ids = new Set<string>();
  private readonly server = http.createServer((request, response) => this.hear(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/causeway`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  texts(address: string): string[] {
    return this.events
      .filter(({ customer }) => customer.address === address)
      .map(({ message: { content } }) => ('text' in content ? (content.text ?? '') : ''));
  }

  private hear(request: http.IncomingMessage, response: http.ServerResponse): void {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => response.writeHead(this.take(request, body)).end());
  }

  private take(request: http.IncomingMessage, body: string): number {
    if (this.refuses !== undefined) return this.refuses;
    let event: BotEvent;
    try {
      event = new Webhook(TestBot.secret).verify(body, request.headers as Record<string, string>) as BotEvent;
    } catch {
      this.forged += 1;
      return 401;
    }
    if (this.ids.has(event.id)) this.repeats += 1;
    else {
      this.ids.add(event.id);
      this.events.push(event);
    }
    return 204;
  }
}
