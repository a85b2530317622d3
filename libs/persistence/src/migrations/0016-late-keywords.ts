import type { MigrationInterface, QueryRunner } from 'typeorm';
import { lateKeywords, lateKeywordsBefore } from './0016-late-keywords.sql.js';

export class LateKeywords1797000000016 implements MigrationInterface {
  readonly name = 'LateKeywords1797000000016';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(lateKeywords);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(lateKeywordsBefore);
  }
}
