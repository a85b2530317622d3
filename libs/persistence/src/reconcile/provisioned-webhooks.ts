import type { Pool } from '../database.js';

/** Where the provider's configuration of a number is not what it should be. */
export interface WebhookDrift {
  differences: { field: string; is: string | null; shouldBe: string | null }[];
  /** Why it could not be compared at all, in a short name. */
  problem?: string;
}

/** A configured number that an operator has pointed at us. */
export interface ProvisionedNumber {
  tenantId: string;
  numberId: string;
  account: string;
  address: string;
  messagingServiceSid: string | null;
  /** When that was, as Postgres writes it. */
  provisionedAt: string;
}

/** Numbers that are watched for changes at the provider. */
export class ProvisionedWebhooks {
  constructor(private readonly pool: Pool) {}

  /** Those that were not looked at for longest, at most `limit`. */
  async oldest(limit: number): Promise<ProvisionedNumber[]> {
    const { rows } = await this.pool.query<ProvisionedNumber>(
      `select p.tenant_id as "tenantId", n.id as "numberId", p.account_sid as account, p.address,
         n.messaging_service_sid as "messagingServiceSid", p.provisioned_at::text as "provisionedAt"
       from provisioned_webhooks p join business_numbers n using (tenant_id, account_sid, address)
       where n.state = 'configured' order by p.checked_at, n.id limit $1`,
      [limit],
    );
    return rows;
  }

  /** What a look has found. Changes nothing where an operator has provisioned the number meanwhile. */
  async checked(number: ProvisionedNumber, drift: WebhookDrift | undefined): Promise<void> {
    await this.pool.query(
      `update provisioned_webhooks set checked_at = clock_timestamp(), drift = $5
       where tenant_id = $1 and account_sid = $2 and address = $3 and provisioned_at = $4::timestamptz`,
      [
        number.tenantId,
        number.account,
        number.address,
        number.provisionedAt,
        drift === undefined ? null : JSON.stringify(drift),
      ],
    );
  }

  /** How many numbers differed when they were last looked at. */
  async drifted(): Promise<number> {
    const { rows } = await this.pool.query<{ n: number }>(
      `select count(*)::int as n from provisioned_webhooks p
       join business_numbers n using (tenant_id, account_sid, address)
       where p.drift is not null and n.state = 'configured'`,
    );
    return rows[0]?.n ?? 0;
  }
}
