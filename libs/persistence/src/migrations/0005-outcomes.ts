import type { MigrationInterface, QueryRunner } from 'typeorm';
import { outcomes, outcomesBefore } from './0005-outcomes.sql.js';

export class Outcomes1795900000005 implements MigrationInterface {
  readonly name = 'Outcomes1795900000005';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(outcomes);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(outcomesBefore);
  }
}
