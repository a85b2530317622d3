import type { MigrationInterface, QueryRunner } from 'typeorm';
import { choices } from './0012-choices.sql.js';

export class Choices1796600000012 implements MigrationInterface {
  readonly name = 'Choices1796600000012';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(choices);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(/* sql */ `
      alter table threads drop column offered_at;
      drop table content_templates;
    `);
  }
}
