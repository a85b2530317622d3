import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AttemptOutcome } from '#core';

/** One provider call. Partitioned by its message's id. */
@Entity('attempts')
export class Attempt {
  @PrimaryColumn({ name: 'message_id', type: 'uuid' })
  messageId!: string;

  /** Also what a provider's callback names the attempt by. */
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ name: 'part_n', type: 'int' })
  partN!: number;

  /** `create`: the call that made the conversation; `template`: what asks a customer to write. Neither carries a part. */
  @Column({ type: 'text' })
  kind!: 'send' | 'create' | 'template';

  /** Null: where its message's lane leads. */
  @Column({ type: 'text', nullable: true })
  destination!: 'bot' | null;

  @Column({ name: 'started_at', type: 'timestamptz' })
  startedAt!: Date;

  @Column({ name: 'ended_at', type: 'timestamptz', nullable: true })
  endedAt!: Date | null;

  @Column({ type: 'text' })
  outcome!: AttemptOutcome;

  /** Of a text: how it was encoded, and how many messages carriers make of it. */
  @Column({ type: 'text', nullable: true })
  encoding!: string | null;

  @Column({ type: 'int', nullable: true })
  segments!: number | null;

  @Column({ name: 'provider_id', type: 'text', nullable: true })
  providerId!: string | null;

  @Column({ name: 'http_status', type: 'int', nullable: true })
  httpStatus!: number | null;

  @Column({ name: 'error_class', type: 'text', nullable: true })
  errorClass!: string | null;

  @Column({ name: 'error_code', type: 'text', nullable: true })
  errorCode!: string | null;

  @Column({ name: 'provider_code', type: 'text', nullable: true })
  providerCode!: string | null;
}
