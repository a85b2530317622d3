import type { Pool } from './database.js';

/** Secrets that our own processes share and nobody configures. They are made by a migration. */
export class ServiceSecrets {
  constructor(private readonly pool: Pool) {}

  /** The newest first: that one signs, all of them verify. */
  async read(name: 'media-links'): Promise<Buffer[]> {
    const { rows } = await this.pool.query<{ secret: Buffer }>(
      'select secret from service_secrets where name = $1 order by created_at desc, id',
      [name],
    );
    return rows.map(({ secret }) => secret);
  }
}
