import { Column, Entity, PrimaryColumn } from 'typeorm';

export const AUDIT_ACTIONS = [
  'number.configure',
  'number.change',
  'number.delete',
  'number.provision',
  'number.provision-desk',
  'number.remove-desk',
  'conversation.change',
  'conversation.close',
  'lane.pause',
  'lane.resume',
  'handoff.post',
  'message.post',
  'message.replay',
  'message.discard',
  'messages.replay',
  'customer.change',
  'customer.opt-out',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** One act of an operator. Holds no personal data: customers and messages stand in it by their ids. */
@Entity('audit')
export class AuditEntry {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @Column({ type: 'timestamptz' })
  at!: Date;

  @Column({ type: 'text' })
  actor!: string;

  @Column({ type: 'text', nullable: true })
  operator!: string | null;

  @Column({ type: 'text' })
  action!: AuditAction;

  @Column({ name: 'target_kind', type: 'text' })
  targetKind!: string;

  @Column({ name: 'target_id', type: 'uuid', nullable: true })
  targetId!: string | null;

  @Column({ type: 'jsonb' })
  details!: Record<string, unknown>;
}
