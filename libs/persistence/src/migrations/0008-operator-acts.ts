import type { MigrationInterface, QueryRunner } from 'typeorm';
import { operatorActs } from './0008-operator-acts.sql.js';

export class OperatorActs1796200000008 implements MigrationInterface {
  readonly name = 'OperatorActs1796200000008';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(operatorActs);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(/* sql */ `
      drop function pause_lane;
      drop function resume_lane;
      drop function discard_message;
      drop function replay_messages;
      drop function replay_message;
      drop function begin_replays;
      drop function end_back_off;
      drop function after_attempts;
      drop function abandon_attempts;
      drop function lock_messages;
      drop function record_act;
      drop table audit;
    `);
  }
}
