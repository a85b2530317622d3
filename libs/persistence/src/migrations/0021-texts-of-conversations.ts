import type { MigrationInterface, QueryRunner } from 'typeorm';
import { textsOfConversations, textsOfConversationsBefore } from './0021-texts-of-conversations.sql.js';

export class TextsOfConversations1797500000021 implements MigrationInterface {
  readonly name = 'TextsOfConversations1797500000021';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(textsOfConversations);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(textsOfConversationsBefore);
  }
}
