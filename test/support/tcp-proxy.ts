import { connect, createServer, type Socket } from 'node:net';

/** A way to a server on which bytes can be late, be lost or never come. What it does holds for every connection, old and new. */
export interface TcpProxy {
  readonly port: number;
  /** An address of the server, by this way. */
  through(url: string): string;
  /** Bytes pass at once; what was held passes now, where its connection still stands. */
  heal(): void;
  /** Bytes, and ends of connections, pass so much later. */
  slow(delayMs: number): void;
  /** Answers come byte by byte. */
  drip(everyMs: number): void;
  /** Nothing passes: neither side hears anything of the other, not even that it has gone. */
  blackHole(): void;
  /** Every connection breaks off, and what was held is lost. */
  reset(): void;
  /** To every client it looks as if the server had said its last; what clients write still passes. */
  halfClose(): void;
  close(): Promise<void>;
}

type Passage =
  { kind: 'free' } | { kind: 'slow'; ms: number } | { kind: 'drip'; ms: number } | { kind: 'none' };

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const to = new URL(target);
  const links = new Set<Link>();
  let passage: Passage = { kind: 'free' };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    const upstream = connect({
      port: Number(to.port),
      host: to.hostname,
      allowHalfOpen: true,
      noDelay: true,
    });
    const link = new Link(client, upstream, () => passage);
    links.add(link);
    link.onGone = () => links.delete(link);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.');
  const { port } = address;
  const change = (now: Passage): void => {
    passage = now;
    for (const link of links) link.move();
  };
  return {
    port,
    through: (url) => {
      const way = new URL(url);
      way.hostname = '127.0.0.1';
      way.port = String(port);
      return way.href.replace(/\/$/, url.endsWith('/') ? '/' : '');
    },
    heal: () => change({ kind: 'free' }),
    slow: (ms) => change({ kind: 'slow', ms }),
    drip: (ms) => change({ kind: 'drip', ms }),
    blackHole: () => change({ kind: 'none' }),
    reset: () => {
      for (const link of links) link.breakOff();
    },
    halfClose: () => {
      for (const link of links) link.endAnswers();
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const link of links) link.breakOff();
      await closed;
    },
  };
}

/** One connection, both ways. */
class Link {
  onGone: () => void = () => undefined;
  readonly #requests: Stream;
  readonly #answers: Stream;
  #broken = false;
  #gone = 0;

  constructor(
    private readonly client: Socket,
    private readonly upstream: Socket,
    private readonly passage: () => Passage,
  ) {
    this.#requests = new Stream(client, upstream, () => {
      const now = passage();
      return now.kind === 'drip' ? { kind: 'free' } : now;
    });
    this.#answers = new Stream(upstream, client, passage);
    for (const socket of [client, upstream]) {
      socket.on('error', () => undefined).once('close', () => this.#closed(socket));
    }
    upstream.once('connect', () => client.resume());
  }

  move(): void {
    if (this.#broken && this.passage().kind !== 'none') this.breakOff();
    this.#requests.move();
    this.#answers.move();
  }

  breakOff(): void {
    this.#requests.drop();
    this.#answers.drop();
    this.client.resetAndDestroy();
    this.upstream.resetAndDestroy();
  }

  endAnswers(): void {
    this.#answers.drop();
    this.client.end();
  }

  #closed(socket: Socket): void {
    this.#gone += 1;
    if (this.#gone === 2) return this.onGone();
    // Both sides have said their last: the other one is about to close, too.
    if (socket.readableEnded && socket.writableFinished) return;
    this.#broken = true;
    if (this.passage().kind !== 'none') this.breakOff();
  }
}

interface Held {
  /** Undefined: the end. */
  bytes: Buffer | undefined;
  at: number;
}

/** What goes one way of a connection. */
class Stream {
  #held: Held[] = [];
  #timer: NodeJS.Timeout | undefined;
  #dropped = false;

  constructor(
    from: Socket,
    private readonly to: Socket,
    private readonly passage: () => Passage,
  ) {
    from.on('data', (bytes) => this.#take(bytes)).once('end', () => this.#take(undefined));
  }

  drop(): void {
    this.#dropped = true;
    this.#held = [];
    clearTimeout(this.#timer);
  }

  /** Lets pass what may pass by now. */
  move(): void {
    clearTimeout(this.#timer);
    for (let [next] = this.#held; next !== undefined; [next] = this.#held) {
      const passage = this.passage();
      if (passage.kind === 'none') return;
      if (passage.kind === 'slow') {
        const earlyMs = next.at + passage.ms - performance.now();
        if (earlyMs > 0) return this.#later(earlyMs);
      }
      if (passage.kind === 'drip' && next.bytes !== undefined && next.bytes.length > 1) {
        this.to.write(next.bytes.subarray(0, 1));
        next.bytes = next.bytes.subarray(1);
        return this.#later(passage.ms);
      }
      this.#held.shift();
      if (next.bytes === undefined) this.to.end();
      else this.to.write(next.bytes);
    }
  }

  #take(bytes: Buffer | undefined): void {
    if (this.#dropped) return;
    const drips = this.#held.length > 0 && this.passage().kind === 'drip';
    this.#held.push({ bytes, at: performance.now() });
    // While bytes drip, only the clock lets one pass.
    if (!drips) this.move();
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => this.move(), Math.ceil(ms));
  }
}
