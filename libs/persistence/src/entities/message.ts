import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AuthorType, Direction, MessageContent, ReceiptStatus } from '#core';
import { int8 } from './int8.js';

export const DELIVERIES = ['open', 'sending', 'uncertain', 'submitted', 'held', 'failed'] as const;
export type Delivery = (typeof DELIVERIES)[number];

/** Partitioned by month through its id, a UUIDv7: a condition on the id is a condition on the time of acceptance. */
@Entity('messages')
export class Message {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @Column({ name: 'thread_id', type: 'uuid' })
  threadId!: string;

  @Column({ name: 'lane_id', type: 'uuid' })
  laneId!: string;

  @Column({ name: 'conversation_id', type: 'uuid', nullable: true })
  conversationId!: string | null;

  @Column({ type: 'text' })
  direction!: Direction;

  @Column({ name: 'author_type', type: 'text' })
  authorType!: AuthorType;

  @Column({ type: 'bigint', transformer: int8 })
  seq!: number;

  /** json, not jsonb: every text verbatim, NUL and lone surrogates included. */
  @Column({ type: 'json' })
  content!: MessageContent;

  @Column({ type: 'text' })
  delivery!: Delivery;

  @Column({ type: 'text', nullable: true })
  receipt!: ReceiptStatus | null;

  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  @Column({ name: 'provider_code', type: 'text', nullable: true })
  providerCode!: string | null;

  @Column({ name: 'possible_duplicate', type: 'boolean' })
  possibleDuplicate!: boolean;

  @Column({ name: 'accepted_at', type: 'timestamptz' })
  acceptedAt!: Date;

  @Column({ name: 'submitted_at', type: 'timestamptz', nullable: true })
  submittedAt!: Date | null;
}
