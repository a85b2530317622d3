import type { MigrationInterface, QueryRunner } from 'typeorm';
import { customerTexts, customerTextsBefore } from './0017-customer-texts.sql.js';

export class CustomerTexts1797100000017 implements MigrationInterface {
  readonly name = 'CustomerTexts1797100000017';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(customerTexts);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(customerTextsBefore);
  }
}
