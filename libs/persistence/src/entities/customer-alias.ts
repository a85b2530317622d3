import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Channel } from '#core';

/** A name of a customer on a channel, without the channel's prefix: E.164 or a business-scoped id. */
@Entity('customer_aliases')
export class CustomerAlias {
  @PrimaryColumn({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @PrimaryColumn({ type: 'text' })
  channel!: Channel;

  @PrimaryColumn({ type: 'text' })
  value!: string;

  @Column({ name: 'customer_id', type: 'uuid' })
  customerId!: string;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
