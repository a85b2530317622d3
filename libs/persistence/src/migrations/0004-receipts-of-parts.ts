import type { MigrationInterface, QueryRunner } from 'typeorm';
import { receiptsOfParts, receiptsOfPartsBefore } from './0004-receipts-of-parts.sql.js';

export class ReceiptsOfParts1795800000004 implements MigrationInterface {
  readonly name = 'ReceiptsOfParts1795800000004';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(receiptsOfParts);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(receiptsOfPartsBefore);
  }
}
