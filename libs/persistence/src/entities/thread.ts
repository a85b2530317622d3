import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { BusinessNumber } from './business-number.js';
import { Customer } from './customer.js';

@Entity('threads')
export class Thread {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @Column({ name: 'number_id', type: 'uuid' })
  numberId!: string;

  @ManyToOne(() => BusinessNumber)
  @JoinColumn({ name: 'number_id' })
  number!: Relation<BusinessNumber>;

  @Column({ name: 'customer_id', type: 'uuid' })
  customerId!: string;

  @ManyToOne(() => Customer)
  @JoinColumn({ name: 'customer_id' })
  customer!: Relation<Customer>;

  /** Where the customer last wrote from, with the channel's prefix. */
  @Column({ name: 'customer_address', type: 'text' })
  customerAddress!: string;
}
