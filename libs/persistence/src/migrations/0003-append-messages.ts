import type { MigrationInterface, QueryRunner } from 'typeorm';
import { appendMessages } from './0003-append-messages.sql.js';

export class AppendMessages1795700000003 implements MigrationInterface {
  readonly name = 'AppendMessages1795700000003';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(appendMessages);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(/* sql */ `
      drop function append_message;
      drop function append_messages;
      drop function open_windows;
      drop function introduce_threads;
      alter table lanes
        add constraint lanes_direction_check check (direction in ('inbound', 'outbound')),
        add constraint lanes_waiting_for_check check (waiting_for in ('opening', 'closing', 'back-off'));
      alter table lane_items
        add constraint lane_items_state_check check (state in ('open', 'sending', 'uncertain', 'held'));
      alter table messages add constraint messages_delivery_check
        check (delivery in ('open', 'sending', 'uncertain', 'submitted', 'held', 'failed'));
      alter table dedupe_keys add constraint dedupe_keys_origin_check check (origin in ('webhook', 'reconciler'));
    `);
  }
}
