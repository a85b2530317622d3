import type { MigrationInterface, QueryRunner } from 'typeorm';
import { knownThreads } from './0002-known-threads.sql.js';

export class KnownThreads1795400000002 implements MigrationInterface {
  readonly name = 'KnownThreads1795400000002';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(knownThreads);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(/* sql */ `
      drop function accept_known_messages;
      drop function thread_directory_changes cascade;
      drop table thread_directory;
    `);
  }
}
