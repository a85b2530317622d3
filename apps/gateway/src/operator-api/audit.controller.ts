import { Get, Inject, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { OperatorAudit } from '#persistence';
import { AuditListResource, AuditQuery, showAuditEntry } from './audit.dto.js';
import { listOf, pageRequest, tenantOf } from './list.dto.js';
import { OperatorController, Problems } from './operator-controller.js';
import { validated } from './validation.js';

@OperatorController('audit')
export class AuditController {
  constructor(@Inject(OperatorAudit) private readonly audit: OperatorAudit) {}

  @Get()
  @ApiOperation({ summary: 'List what operators did', description: 'The newest first.' })
  @ApiOkResponse({ type: AuditListResource })
  @Problems({ 400: 'A query parameter is wrong or unknown.' })
  async list(@Query(validated(AuditQuery)) query: AuditQuery): Promise<AuditListResource> {
    const { action, target, from, to } = query;
    const filter = {
      ...tenantOf(query),
      ...(action !== undefined && { action }),
      ...(target !== undefined && { targetId: target }),
      ...(from !== undefined && { from: new Date(from) }),
      ...(to !== undefined && { to: new Date(to) }),
    };
    return listOf(await this.audit.list(filter, pageRequest(query)), showAuditEntry);
  }
}
