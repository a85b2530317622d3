import type { MigrationInterface, QueryRunner } from 'typeorm';
import { hoursAndWaits, hoursAndWaitsBefore } from './0020-hours-and-waits.sql.js';

export class HoursAndWaits1797400000020 implements MigrationInterface {
  readonly name = 'HoursAndWaits1797400000020';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(hoursAndWaits);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(hoursAndWaitsBefore);
  }
}
