import { Connection } from './connection.js';
import type { ConnectionOptions } from './connection.js';

interface Waiter {
  take: (connection: Connection) => void;
}

/** The connections to one origin, at most `limit`; who finds none free waits in line. */
export class ConnectionPool {
  private readonly idle: Connection[] = [];
  private readonly busy = new Set<Connection>();
  private readonly waiting = new Set<Waiter>();

  constructor(
    private readonly origin: string,
    private readonly limit: number,
    private readonly options: ConnectionOptions,
  ) {}

  /** Calls `take` with a connection, now or when one is free. Returns how to leave the line. */
  acquire(take: (connection: Connection) => void): () => void {
    // The one used last, so that the others may close for lack of use.
    const connection = this.idle.pop() ?? this.open();
    if (connection) {
      this.busy.add(connection);
      take(connection);
      return () => undefined;
    }
    const waiter: Waiter = { take };
    this.waiting.add(waiter);
    return () => this.waiting.delete(waiter);
  }

  /** Gives a connection back in good order. */
  release(connection: Connection): void {
    if (!this.busy.delete(connection)) return;
    const [next] = this.waiting;
    if (next) this.handOver(next, connection);
    else this.idle.push(connection);
  }

  /** Gives a connection back that must not be used again, and resets it. */
  discard(connection: Connection, reason: Error, when: 'now' | 'soon'): void {
    connection.reset(reason, when);
    if (!this.busy.delete(connection)) return;
    const [next] = this.waiting;
    const fresh = next && this.open();
    if (next && fresh) this.handOver(next, fresh);
  }

  async close(): Promise<void> {
    await Promise.all([...this.idle, ...this.busy].map((connection) => connection.close()));
  }

  destroy(reason: Error): void {
    for (const connection of [...this.idle.splice(0), ...this.busy]) connection.reset(reason, 'soon');
  }

  private open(): Connection | undefined {
    if (this.idle.length + this.busy.size >= this.limit) return undefined;
    return new Connection(this.origin, this.options);
  }

  private handOver(waiter: Waiter, connection: Connection): void {
    this.waiting.delete(waiter);
    this.busy.add(connection);
    waiter.take(connection);
  }
}
