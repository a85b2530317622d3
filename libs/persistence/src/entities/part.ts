import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { PartContent } from '#core';

/** Partitioned by its message's id. */
@Entity('parts')
export class Part {
  @PrimaryColumn({ name: 'message_id', type: 'uuid' })
  messageId!: string;

  /** From 1. */
  @PrimaryColumn({ type: 'int' })
  n!: number;

  @Column({ type: 'json' })
  content!: PartContent;
}
