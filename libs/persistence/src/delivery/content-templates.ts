import { ContentTemplates, StorageError, type ContentKey } from '#core';
import type { Pool } from '../database.js';

/** Whoever uses it often does not write each time that they did. */
const FIND = `with found as (
    select * from content_templates where tenant_id = $1 and account_sid = $2 and digest = decode($3, 'hex')
  ),
  used as (
    update content_templates c set last_used_at = clock_timestamp() from found
    where c.tenant_id = found.tenant_id and c.account_sid = found.account_sid and c.digest = found.digest
      and found.last_used_at < clock_timestamp() - interval '1 hour'
  )
  select content_sid from found`;

// Of two that were made at once either can be sent.
const STORE = `insert into content_templates (tenant_id, account_sid, digest, content_sid)
  values ($1, $2, decode($3, 'hex'), $4) on conflict do nothing`;

const FORGET = `delete from content_templates
  where tenant_id = $1 and account_sid = $2 and digest = decode($3, 'hex') and content_sid = $4`;

/** What was made at Twilio's Content API, in Postgres. */
export class PostgresContentTemplates extends ContentTemplates {
  constructor(private readonly pool: Pool) {
    super();
  }

  async find(key: ContentKey): Promise<string | undefined> {
    const [row] = await this.rows('find-content', FIND, valuesOf(key));
    return row?.content_sid;
  }

  async store(key: ContentKey, sid: string): Promise<void> {
    await this.rows('store-content', STORE, [...valuesOf(key), sid]);
  }

  async forget(key: ContentKey, sid: string): Promise<void> {
    await this.rows('forget-content', FORGET, [...valuesOf(key), sid]);
  }

  private async rows(name: string, text: string, values: string[]): Promise<{ content_sid: string }[]> {
    try {
      return (await this.pool.query<{ content_sid: string }>({ name, text, values })).rows;
    } catch (error) {
      throw new StorageError(error);
    }
  }
}

function valuesOf({ tenantId, account, digest }: ContentKey): string[] {
  return [tenantId, account, digest];
}
