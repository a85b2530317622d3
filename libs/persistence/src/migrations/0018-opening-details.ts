import type { MigrationInterface, QueryRunner } from 'typeorm';
import { openingDetails, openingDetailsBefore } from './0018-opening-details.sql.js';

/** What conversations were created with, so that later changes of the customer's data say all of it again. */
export class OpeningDetails1797200000018 implements MigrationInterface {
  readonly name = 'OpeningDetails1797200000018';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(openingDetails);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(openingDetailsBefore);
  }
}
