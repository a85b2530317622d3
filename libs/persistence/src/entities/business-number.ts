import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Channel, NumberSettings } from '#core';

@Entity('business_numbers')
export class BusinessNumber {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @Column({ type: 'text' })
  channel!: Channel;

  @Column({ name: 'account_sid', type: 'text' })
  accountSid!: string;

  @Column({ type: 'text' })
  address!: string;

  @Column({ name: 'messaging_service_sid', type: 'text', nullable: true })
  messagingServiceSid!: string | null;

  @Column({ name: 'display_name', type: 'text', nullable: true })
  displayName!: string | null;

  @Column({ type: 'text' })
  state!: 'configured' | 'unconfigured';

  @Column({ name: 'chat_gateway_channel_id', type: 'text', nullable: true })
  chatGatewayChannelId!: string | null;

  /** The webhook of that channel, where it was provisioned from here. */
  @Column({ name: 'chat_gateway_webhook_id', type: 'text', nullable: true })
  chatGatewayWebhookId!: string | null;

  @Column({ name: 'queue_id', type: 'text', nullable: true })
  queueId!: string | null;

  @Column({ type: 'text', nullable: true })
  language!: string | null;

  @Column({ type: 'jsonb' })
  settings!: NumberSettings;

  @Column({ name: 'configured_at', type: 'timestamptz', nullable: true })
  configuredAt!: Date | null;

  @Column({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;
}
