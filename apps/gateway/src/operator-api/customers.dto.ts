import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsBoolean, ValidateIf } from 'class-validator';
import { LANGUAGES, type Language } from '#core';
import type { ShownCustomer } from '#persistence';
import { present } from './list.dto.js';
import { IsDeskLanguage } from './user.dto.js';
import { IsId } from './validation.js';

@ApiSchema({ name: 'CustomerChanges' })
export class CustomerChangesBody {
  @ApiProperty({
    type: String,
    nullable: true,
    enum: LANGUAGES,
    description:
      'In which agents are looked for and texts are written to them, whatever their number says; null takes it away. A region is taken as its language: `en-US` as `en`.',
  })
  @ValidateIf((_object, value) => value !== null)
  @IsDeskLanguage()
  language!: Language | null;
}

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

  @ApiPropertyOptional({ type: String, description: 'As it was set here.' })
  language?: string;

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
