import type { MigrationInterface, QueryRunner } from 'typeorm';
import { windowsAndOptOuts, windowsAndOptOutsBefore } from './0014-windows-and-opt-outs.sql.js';

export class WindowsAndOptOuts1796800000014 implements MigrationInterface {
  readonly name = 'WindowsAndOptOuts1796800000014';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(windowsAndOptOuts);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(windowsAndOptOutsBefore);
  }
}
