import type { MigrationInterface, QueryRunner } from 'typeorm';
import { reconciling, reconcilingBefore } from './0007-reconciling.sql.js';

export class Reconciling1796100000007 implements MigrationInterface {
  readonly name = 'Reconciling1796100000007';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(reconciling);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(reconcilingBefore);
  }
}
