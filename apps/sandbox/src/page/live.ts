import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Sandbox } from './sandbox.js';
import type { SandboxState, Section } from './state.js';

const SECTIONS: readonly Section[] = [
  'setup',
  'phones',
  'desk',
  'centre',
  'bridge',
  'providers',
  'machine',
  'storm',
];
const LOOK_EVERY_MS = 250;
const HEARTBEAT_MS = 15_000;
/** A watcher that has not read the round before is dropped: it comes back by itself. */
const MAX_BUFFERED = 1024 * 1024;

/** Tells everybody who watches what has changed, section by section. While nobody does, nothing is read. */
export class Live {
  /** What each watcher was told last, by section. */
  readonly #watchers = new Map<FastifyReply['raw'], Map<Section, string>>();
  readonly #timers: NodeJS.Timeout[];

  constructor(private readonly sandbox: Sandbox) {
    this.#timers = [
      setInterval(() => this.#look(), LOOK_EVERY_MS).unref(),
      setInterval(() => this.#beat(), HEARTBEAT_MS).unref(),
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
    this.#watchers.set(raw, new Map());
    request.raw.on('close', () => this.#watchers.delete(raw));
    this.tick();
  }

  /** Shows what has changed. */
  tick(): void {
    if (this.#watchers.size === 0) return;
    const sections = SECTIONS.map((name) => [name, JSON.stringify(this.sandbox.section(name))] as const);
    for (const [watcher, told] of this.#watchers) {
      if (watcher.writableLength > MAX_BUFFERED) {
        watcher.destroy();
        continue;
      }
      for (const [name, text] of sections) {
        if (told.get(name) === text) continue;
        told.set(name, text);
        watcher.write(eventOf(name, text));
      }
    }
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const watcher of this.#watchers.keys()) watcher.end();
  }

  /** The bridge is read beside it: a gateway that is slow holds nothing else up. */
  #look(): void {
    if (this.#watchers.size === 0 && !this.sandbox.busy) return;
    void this.sandbox.refresh();
    this.tick();
  }

  #beat(): void {
    for (const watcher of this.#watchers.keys()) watcher.write(': still here\n\n');
  }
}

function eventOf(section: Section, json: string): string {
  return `event: ${section}\ndata: ${json}\n\n`;
}
