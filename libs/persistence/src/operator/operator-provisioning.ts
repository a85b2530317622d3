import type { BusinessNumber } from '../entities/business-number.js';
import type { WebhookDrift } from '../reconcile/provisioned-webhooks.js';
import { recordAct, type Actor } from './operator-audit.js';
import type { OperatorDatabase } from './operator-database.js';

/** What is known of a number that was provisioned from here. */
export interface Provisioned {
  urlsDigest: Buffer;
  provisionedAt: Date;
  checkedAt: Date;
  drift: WebhookDrift | null;
}

/** Which numbers operators have pointed at us. */
export class OperatorProvisioning {
  constructor(private readonly database: OperatorDatabase) {}

  async get(number: BusinessNumber): Promise<Provisioned | undefined> {
    const dataSource = await this.database.connect();
    const rows = await dataSource.query<Provisioned[]>(
      `select urls_digest as "urlsDigest", provisioned_at as "provisionedAt", checked_at as "checkedAt", drift
       from provisioned_webhooks where tenant_id = $1 and account_sid = $2 and address = $3`,
      [number.tenantId, number.accountSid, number.address],
    );
    return rows[0];
  }

  /** Written before the provider is called: whatever becomes of the call, the log tells who made it. */
  async begin(
    { id, tenantId }: Pick<BusinessNumber, 'id' | 'tenantId'>,
    by: Actor,
    details: Record<string, unknown>,
    action: 'number.provision' | 'number.provision-desk' | 'number.remove-desk' = 'number.provision',
  ): Promise<void> {
    const dataSource = await this.database.connect();
    await recordAct(dataSource.manager, tenantId, by, action, { kind: 'number', id }, details);
  }

  /** The number leads to us now, and is watched from now on. */
  async provisioned(number: BusinessNumber, urlsDigest: Buffer): Promise<void> {
    const dataSource = await this.database.connect();
    await dataSource.query(
      `insert into provisioned_webhooks (tenant_id, account_sid, address, urls_digest, provisioned_at, checked_at, drift)
       values ($1, $2, $3, $4, clock_timestamp(), clock_timestamp(), null)
       on conflict (tenant_id, account_sid, address) do update set urls_digest = excluded.urls_digest,
         provisioned_at = excluded.provisioned_at, checked_at = excluded.checked_at, drift = null`,
      [number.tenantId, number.accountSid, number.address, urlsDigest],
    );
  }
}
