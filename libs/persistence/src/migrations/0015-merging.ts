import type { MigrationInterface, QueryRunner } from 'typeorm';
import { merging, mergingBefore } from './0015-merging.sql.js';

export class Merging1796900000015 implements MigrationInterface {
  readonly name = 'Merging1796900000015';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(merging);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(mergingBefore);
  }
}
