import type { MigrationInterface, QueryRunner } from 'typeorm';
import { acceptFunctions } from './0001-accept.sql.js';
import { conversationFunctions } from './0001-conversations.sql.js';
import { deliveryFunctions } from './0001-delivery.sql.js';
import { initialSchema } from './0001-initial.sql.js';

export class Initial1795000000001 implements MigrationInterface {
  readonly name = 'Initial1795000000001';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(initialSchema);
    await queryRunner.query(acceptFunctions);
    await queryRunner.query(conversationFunctions);
    await queryRunner.query(deliveryFunctions);
  }

  async down(): Promise<void> {
    throw new Error('The first migration has no way back: drop the database instead.');
  }
}
