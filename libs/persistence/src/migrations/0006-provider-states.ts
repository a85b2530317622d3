import type { MigrationInterface, QueryRunner } from 'typeorm';
import { providerStates } from './0006-provider-states.sql.js';

export class ProviderStates1796000000006 implements MigrationInterface {
  readonly name = 'ProviderStates1796000000006';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(providerStates);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(/* sql */ `
      drop function pull_forward;
      drop index lanes_backing_off;
      drop table provider_states;
      drop table workers;
    `);
  }
}
