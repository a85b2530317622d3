import type { MigrationInterface, QueryRunner } from 'typeorm';
import { bots, botsBefore } from './0019-bots.sql.js';

export class Bots1797300000019 implements MigrationInterface {
  readonly name = 'Bots1797300000019';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(bots);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(botsBefore);
  }
}
