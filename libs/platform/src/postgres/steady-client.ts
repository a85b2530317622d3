import pg from 'pg';

/**
 * A connection to Postgres that may end at any moment. `pg` tells of an end between two queries by an `error` event, which
 * without a listener ends the process, and a pool listens only while a connection is idle. Whoever holds it hears of the
 * end from the next query, which fails.
 */
export class SteadyClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on('error', ignore);
  }

  /** BullMQ takes every listener away before it ends the connection that listens; the session may end just then. */
  override removeAllListeners(event?: string | symbol): this {
    super.removeAllListeners(event);
    if (event === undefined || event === 'error') this.on('error', ignore);
    return this;
  }
}

function ignore(): void {}
