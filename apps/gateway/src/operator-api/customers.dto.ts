import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import type { ShownCustomer } from '#persistence';
import { present } from './list.dto.js';
import { IsId } from './validation.js';

@ApiSchema({ name: 'OptOutChange' })
export class OptOutBody {
  @ApiProperty({
    type: String,
    format: 'uuid',
    description: 'One of our numbers; its Messaging Service counts, too.',
  })
  @IsId()
  numberId!: string;

  @ApiProperty({ type: Boolean })
  @IsBoolean()
  optedOut!: boolean;
}

@ApiSchema({ name: 'OptOut' })
export class OptOutResource {
  @ApiProperty({ type: String })
  accountSid!: string;

  @ApiProperty({
    type: String,
    description: 'A Messaging Service, or a number of ours that belongs to none.',
  })
  sender!: string;

  @ApiProperty({ type: Boolean, description: 'False: they have opted in again.' })
  optedOut!: boolean;

  @ApiProperty({ type: String, format: 'date-time' })
  changedAt!: string;
}

@ApiSchema({ name: 'CustomerDetails' })
export class CustomerResource {
  @ApiProperty({ type: String, format: 'uuid' })
  id!: string;

  @ApiProperty({ type: String, example: 'default' })
  tenantId!: string;

  @ApiPropertyOptional({ type: String })
  name?: string;

  @ApiProperty({ type: [String] })
  addresses!: string[];

  @ApiProperty({ type: [OptOutResource] })
  optOuts!: OptOutResource[];
}

export function showCustomer({ optOuts, ...customer }: ShownCustomer): CustomerResource {
  return present<CustomerResource>({
    ...customer,
    optOuts: optOuts.map((one) => ({ ...one, changedAt: one.changedAt.toISOString() })),
  });
}
