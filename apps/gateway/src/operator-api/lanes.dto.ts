import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import type { Direction } from '#core';
import type { ShownLane } from '#persistence';
import { ListResource, present, QueryBoolean, TenantListQuery } from './list.dto.js';
import { IfPresent, IsId } from './validation.js';

export class LanesQuery extends TenantListQuery {
  @ApiPropertyOptional({ type: String, format: 'uuid' })
  @IfPresent()
  @IsId()
  threadId?: string;

  @ApiPropertyOptional({ type: Boolean, description: 'Paused, or the message at its head is held.' })
  @IfPresent()
  @QueryBoolean()
  @IsBoolean()
  blocked?: boolean;
}

@ApiSchema({ name: 'LaneHead', description: 'The message that is next, or that the lane waits for.' })
export class LaneHeadResource {
  @ApiProperty({ type: String, format: 'uuid' })
  messageId!: string;

  @ApiProperty({ type: 'integer' })
  seq!: number;

  @ApiProperty({ type: String, enum: ['open', 'sending', 'uncertain', 'held'] })
  delivery!: string;

  @ApiPropertyOptional({ type: String })
  reason?: string;
}

@ApiSchema({ name: 'Lane', description: "A thread's messages in one direction: what is kept in order." })
export class LaneResource {
  @ApiProperty({ type: String, format: 'uuid' })
  id!: string;

  @ApiProperty({ type: String, example: 'default' })
  tenantId!: string;

  @ApiProperty({ type: String, format: 'uuid' })
  threadId!: string;

  @ApiProperty({ type: String, enum: ['inbound', 'outbound'] })
  direction!: Direction;

  @ApiProperty({ type: Boolean })
  blocked!: boolean;

  @ApiPropertyOptional({ type: String, format: 'date-time' })
  pausedAt?: string;

  @ApiProperty({ type: 'integer', description: 'Messages that are not at their end.' })
  waiting!: number;

  @ApiProperty({
    type: 'integer',
    description: 'Attempts at the head that did not succeed, since the last that did.',
  })
  failures!: number;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Nothing is tried before.' })
  notBefore?: string;

  @ApiPropertyOptional({ type: LaneHeadResource })
  head?: LaneHeadResource;
}

@ApiSchema({ name: 'LaneList' })
export class LaneListResource extends ListResource {
  @ApiProperty({ type: [LaneResource] })
  items!: LaneResource[];
}

export function showLane(lane: ShownLane): LaneResource {
  return present<LaneResource>({
    id: lane.id,
    tenantId: lane.tenantId,
    threadId: lane.threadId,
    direction: lane.direction,
    blocked: lane.blocked,
    pausedAt: lane.pausedAt?.toISOString(),
    waiting: lane.waiting,
    failures: lane.failures,
    notBefore: lane.notBefore?.toISOString(),
    head: lane.head && present<LaneHeadResource>(lane.head),
  });
}
