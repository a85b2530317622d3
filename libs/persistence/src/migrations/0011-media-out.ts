import type { MigrationInterface, QueryRunner } from 'typeorm';
import { mediaOut, mediaOutBefore } from './0011-media-out.sql.js';

export class MediaOut1796500000011 implements MigrationInterface {
  readonly name = 'MediaOut1796500000011';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(mediaOut);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(mediaOutBefore);
  }
}
