import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { AUDIT_ACTIONS, type AuditEntry } from '#persistence';
import { ListResource, present, TenantListQuery } from './list.dto.js';
import { IfPresent, IsId, IsInstant } from './validation.js';

export class AuditQuery extends TenantListQuery {
  @ApiPropertyOptional({ type: String, enum: AUDIT_ACTIONS })
  @IfPresent()
  @IsIn(AUDIT_ACTIONS)
  action?: AuditEntry['action'];

  @ApiPropertyOptional({ type: String, format: 'uuid', description: 'The id of what was acted on.' })
  @IfPresent()
  @IsId()
  target?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'From this instant on.' })
  @IfPresent()
  @IsInstant()
  from?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Before this instant.' })
  @IfPresent()
  @IsInstant()
  to?: string;
}

@ApiSchema({ name: 'AuditTarget' })
export class AuditTargetResource {
  @ApiProperty({ type: String, enum: ['number', 'conversation', 'lane', 'message', 'messages', 'customer'] })
  kind!: string;

  @ApiPropertyOptional({
    type: String,
    format: 'uuid',
    description: 'Absent for `messages`: a filter chose them.',
  })
  id?: string;
}

@ApiSchema({ name: 'AuditEntry', description: 'One act of an operator. Holds no personal data.' })
export class AuditEntryResource {
  @ApiProperty({ type: String, format: 'uuid' })
  id!: string;

  @ApiProperty({ type: String, example: 'default' })
  tenantId!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  at!: string;

  @ApiProperty({ type: String, example: 'admin-key', description: 'Whose key it was.' })
  actor!: string;

  @ApiPropertyOptional({ type: String, description: 'Who used it, as far as they said so.' })
  operator?: string;

  @ApiProperty({ type: String, enum: AUDIT_ACTIONS })
  action!: AuditEntry['action'];

  @ApiProperty({ type: AuditTargetResource })
  target!: AuditTargetResource;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'What was changed, and how it was before.',
  })
  details!: Record<string, unknown>;
}

@ApiSchema({ name: 'AuditList' })
export class AuditListResource extends ListResource {
  @ApiProperty({ type: [AuditEntryResource] })
  items!: AuditEntryResource[];
}

export function showAuditEntry(entry: AuditEntry): AuditEntryResource {
  return present<AuditEntryResource>({
    id: entry.id,
    tenantId: entry.tenantId,
    at: entry.at.toISOString(),
    actor: entry.actor,
    operator: entry.operator,
    action: entry.action,
    target: present<AuditTargetResource>({ kind: entry.targetKind, id: entry.targetId }),
    details: entry.details,
  });
}
