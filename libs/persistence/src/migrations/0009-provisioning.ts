import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Provisioning1796300000009 implements MigrationInterface {
  readonly name = 'Provisioning1796300000009';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(/* sql */ `
      -- Numbers that an operator has pointed at us through the provider's API, which are therefore watched (ADR 0024).
      create table provisioned_webhooks (
        tenant_id text not null,
        account_sid text not null,
        address text not null,
        -- of the URLs that the provider was given
        urls_digest bytea not null,
        provisioned_at timestamptz not null,
        checked_at timestamptz not null,
        -- where the provider differed when it was last looked at; null: nowhere
        drift jsonb,
        primary key (tenant_id, account_sid, address)
      );
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table provisioned_webhooks');
  }
}
