import type { MigrationInterface, QueryRunner } from 'typeorm';
import { receiptsOfParts } from './0004-receipts-of-parts.sql.js';
import { signals } from './0013-signals.sql.js';

export class Signals1796700000013 implements MigrationInterface {
  readonly name = 'Signals1796700000013';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(signals);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(/* sql */ `
      ${receiptsOfParts}
      drop table read_receipts_due;
      drop table reads_noted;
      drop table typing_shown;
    `);
  }
}
