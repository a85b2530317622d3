import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What conversations were created with, so that later changes of the customer's data say all of it again. */
export class OpeningDetails1797200000018 implements MigrationInterface {
  readonly name = 'OpeningDetails1797200000018';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table conversations
        -- user and assignment as the desk was last told
        add column details json,
        -- by which the messages of the create's history are recognised; null where nobody has said which those are
        add column create_digests bytea[];
    `);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('alter table conversations drop column details, drop column create_digests');
  }
}
