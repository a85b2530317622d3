import type { MigrationInterface, QueryRunner } from 'typeorm';
import { mediaDeletions, mediaDeletionsBefore } from './0010-media-deletions.sql.js';

export class MediaDeletions1796400000010 implements MigrationInterface {
  readonly name = 'MediaDeletions1796400000010';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(mediaDeletions);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(mediaDeletionsBefore);
  }
}
