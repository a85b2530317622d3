import pg from 'pg';

/**
 * A connection to Postgres that may end at any moment. `pg` tells of an end between two queries by an `error` event, which
 * without a listener ends the process, and a pool listens only while a connection is idle. Whoever holds it hears of the
 * end from the next query, which fails.
 */
export class SteadyClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}
