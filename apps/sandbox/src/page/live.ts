import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Sandbox } from './sandbox.js';
import type { SandboxState, Section } from './state.js';

const SECTIONS: readonly Section[] = ['setup', 'phones', 'desk', 'bridge', 'providers', 'machine', 'storm'];
const LOOK_EVERY_MS = 250;
const HEARTBEAT_MS = 15_000;
/** A watcher that reads no more is dropped: it comes back by itself. */
const MAX_BUFFERED = 4 * 1024 * 1024;

/** Tells everybody who watches what has changed, section by section. While nobody does, nothing is read. */
export class Live {
  readonly #watchers = new Set<FastifyReply['raw']>();
  readonly #last = new Map<Section, string>();
  readonly #timers: NodeJS.Timeout[];

  constructor(private readonly sandbox: Sandbox) {
    this.#timers = [
      setInterval(() => this.#look(), LOOK_EVERY_MS).unref(),
      setInterval(() => this.#write(': still here\n\n'), HEARTBEAT_MS).unref(),
    ];
  }

  state(): SandboxState {
    return Object.fromEntries(
      SECTIONS.map((name) => [name, this.sandbox.section(name)]),
    ) as unknown as SandboxState;
  }

  /** Server-sent events: every section once, then each when it has changed. */
  subscribe(request: FastifyRequest, reply: FastifyReply): void {
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    for (const name of SECTIONS) raw.write(eventOf(name, JSON.stringify(this.sandbox.section(name))));
    this.#watchers.add(raw);
    request.raw.on('close', () => this.#watchers.delete(raw));
    void this.sandbox.refresh();
  }

  /** Something was done: shows it at once. */
  tick(): void {
    if (this.#watchers.size > 0) this.#tell();
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const watcher of this.#watchers) watcher.end();
  }

  #look(): void {
    if (this.#watchers.size === 0 && !this.sandbox.busy) return;
    void this.sandbox.refresh().then(() => this.tick());
  }

  #tell(): void {
    for (const name of SECTIONS) {
      const text = JSON.stringify(this.sandbox.section(name));
      if (this.#last.get(name) === text) continue;
      this.#last.set(name, text);
      this.#write(eventOf(name, text));
    }
  }

  #write(text: string): void {
    for (const watcher of this.#watchers) {
      if (watcher.writableLength > MAX_BUFFERED) watcher.destroy();
      else watcher.write(text);
    }
  }
}

function eventOf(section: Section, json: string): string {
  return `event: ${section}\ndata: ${json}\n\n`;
}
