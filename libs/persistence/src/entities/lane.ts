import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Direction } from '#core';
import { int8 } from './int8.js';

@Entity('lanes')
export class Lane {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @Column({ name: 'thread_id', type: 'uuid' })
  threadId!: string;

  @Column({ type: 'text' })
  direction!: Direction;

  /** The newest `seq` given out. */
  @Column({ name: 'next_seq', type: 'bigint', transformer: int8 })
  nextSeq!: number;

  @Column({ name: 'not_before', type: 'timestamptz', nullable: true })
  notBefore!: Date | null;

  /** Consecutive attempts at the head that did not succeed. */
  @Column({ type: 'int' })
  failures!: number;

  @Column({ name: 'paused_at', type: 'timestamptz', nullable: true })
  pausedAt!: Date | null;
}
