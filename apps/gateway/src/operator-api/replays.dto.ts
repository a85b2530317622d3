import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsBoolean, IsDefined, IsIn, IsObject, ValidateNested } from 'class-validator';
import type { Direction } from '#core';
import { DELIVERIES, REPLAYABLE, type Message, type ReplayFilter } from '#persistence';
import { DIRECTIONS } from './messages.dto.js';
import { IfPresent, IsId, IsInstant, IsPlainText } from './validation.js';

@ApiSchema({ name: 'Replay' })
export class ReplayBody {
  @ApiPropertyOptional({
    type: Boolean,
    default: false,
    description: 'Send parts once more that have arrived, too.',
  })
  @IfPresent()
  @IsBoolean()
  allParts?: boolean;
}

@ApiSchema({
  name: 'ReplayFilter',
  description: 'At least one field; a message is matched by all that are given.',
})
export class ReplayFilterBody {
  @ApiPropertyOptional({
    type: String,
    example: 'default',
    description: 'One tenant; all where it is absent.',
  })
  @IfPresent()
  @IsPlainText(63)
  tenantId?: string;

  @ApiPropertyOptional({ type: String, enum: REPLAYABLE, description: 'Both where it is absent.' })
  @IfPresent()
  @IsIn(REPLAYABLE)
  delivery?: (typeof REPLAYABLE)[number];

  @ApiPropertyOptional({
    type: String,
    example: 'too-old',
    description:
      'Where it is absent, `discarded` (an operator gave it up) and `uncertain` (it may come twice) are left out.',
  })
  @IfPresent()
  @IsPlainText(100)
  reason?: string;

  @ApiPropertyOptional({ type: String, format: 'uuid', description: 'The business number.' })
  @IfPresent()
  @IsId()
  numberId?: string;

  @ApiPropertyOptional({ type: String, enum: DIRECTIONS })
  @IfPresent()
  @IsIn(DIRECTIONS)
  direction?: Direction;

  @ApiPropertyOptional({
    type: String,
    example: '+15550123',
    description: "One of the customer's addresses.",
  })
  @IfPresent()
  @IsPlainText(255)
  address?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Accepted from this instant on.' })
  @IfPresent()
  @IsInstant()
  acceptedFrom?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Accepted before this instant.' })
  @IfPresent()
  @IsInstant()
  acceptedTo?: string;
}

@ApiSchema({ name: 'FilteredReplay' })
export class FilteredReplayBody {
  @ApiProperty({ type: ReplayFilterBody })
  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => ReplayFilterBody)
  filter!: ReplayFilterBody;

  @ApiPropertyOptional({ type: Boolean, default: false, description: 'Count, and change nothing.' })
  @IfPresent()
  @IsBoolean()
  dryRun?: boolean;
}

@ApiSchema({ name: 'ReplayReason' })
export class ReplayReasonResource {
  @ApiProperty({ type: String, enum: DELIVERIES })
  delivery!: Message['delivery'];

  @ApiPropertyOptional({ type: String })
  reason?: string;

  @ApiProperty({ type: 'integer' })
  count!: number;
}

@ApiSchema({ name: 'ReplayResult' })
export class ReplayResultResource {
  @ApiProperty({ type: Boolean })
  dryRun!: boolean;

  @ApiProperty({ type: 'integer', description: 'Messages that the filter matched.' })
  matched!: number;

  @ApiProperty({
    type: 'integer',
    description:
      'Of those, messages that are on their way again: at most 10,000 by one request, none by a dry run.',
  })
  replayed!: number;

  @ApiProperty({ type: [ReplayReasonResource], description: 'What was matched; the most frequent first.' })
  reasons!: ReplayReasonResource[];
}

export function replayFilter({ acceptedFrom, acceptedTo, ...rest }: ReplayFilterBody): ReplayFilter {
  return {
    ...rest,
    ...(acceptedFrom !== undefined && { acceptedFrom: new Date(acceptedFrom) }),
    ...(acceptedTo !== undefined && { acceptedTo: new Date(acceptedTo) }),
  };
}
