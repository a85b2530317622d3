import type { MigrationInterface, QueryRunner } from 'typeorm';

export class DeskProvisioning1797700000023 implements MigrationInterface {
  readonly name = 'DeskProvisioning1797700000023';

  async up(queryRunner: QueryRunner): Promise<void> {
    // The webhook of the number's channel, by the desk's id, where it was provisioned from here (ADR 0030).
    await queryRunner.query('alter table business_numbers add column chat_gateway_webhook_id text');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('alter table business_numbers drop column chat_gateway_webhook_id');
  }
}
