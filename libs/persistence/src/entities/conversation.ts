import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { Thread } from './thread.js';

export const CONVERSATION_STATES = ['opening', 'queued', 'active', 'post-agent', 'closed'] as const;
export type ConversationState = (typeof CONVERSATION_STATES)[number];

/**
 * `agent-left`: and nobody followed; `idle`: the desk ended it without that; `gone`: the desk knows it no more; `opt-out`,
 * `customer`: by a word of the customer's.
 */
export const CLOSE_REASONS = [
  'agent-left',
  'idle',
  'gone',
  'operator',
  'customer-silent',
  'opt-out',
  'customer',
  'survey-over',
  'handed-over',
  'not-opened',
] as const;

@Entity('conversations')
export class Conversation {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @Column({ name: 'thread_id', type: 'uuid' })
  threadId!: string;

  @ManyToOne(() => Thread)
  @JoinColumn({ name: 'thread_id' })
  thread!: Relation<Thread>;

  @Column({ name: 'number_id', type: 'uuid' })
  numberId!: string;

  @Column({ type: 'text' })
  state!: ConversationState;

  @Column({ name: 'desk_conversation_id', type: 'text', nullable: true })
  deskConversationId!: string | null;

  @Column({ name: 'queue_id', type: 'text', nullable: true })
  queueId!: string | null;

  @Column({ name: 'agent_id', type: 'text', nullable: true })
  agentId!: string | null;

  @Column({ name: 'opened_at', type: 'timestamptz' })
  openedAt!: Date;

  @Column({ name: 'active_at', type: 'timestamptz', nullable: true })
  activeAt!: Date | null;

  @Column({ name: 'closed_at', type: 'timestamptz', nullable: true })
  closedAt!: Date | null;

  @Column({ name: 'close_reason', type: 'text', nullable: true })
  closeReason!: string | null;
}
