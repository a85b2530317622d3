import { Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger';
import { OperatorLanes, type Actor } from '#persistence';
import { Audited, By } from './actor.js';
import { LaneListResource, LaneResource, LanesQuery, showLane } from './lanes.dto.js';
import { listOf, pageRequest, tenantOf } from './list.dto.js';
import { OperatorController, Problems } from './operator-controller.js';
import { IdPipe, notFound, validated } from './validation.js';

const ID = { name: 'id', type: String, format: 'uuid' } as const;

@OperatorController('lanes')
export class LanesController {
  constructor(@Inject(OperatorLanes) private readonly lanes: OperatorLanes) {}

  @Get()
  @ApiOperation({ summary: 'List lanes', description: 'The newest first.' })
  @ApiOkResponse({ type: LaneListResource })
  @Problems({ 400: 'A query parameter is wrong or unknown.' })
  async list(@Query(validated(LanesQuery)) query: LanesQuery): Promise<LaneListResource> {
    const { threadId, blocked } = query;
    const filter = {
      ...tenantOf(query),
      ...(threadId !== undefined && { threadId }),
      ...(blocked !== undefined && { blocked }),
    };
    return listOf(await this.lanes.list(filter, pageRequest(query)), showLane);
  }

  @Post(':id/pause')
  @HttpCode(200)
  @Audited()
  @ApiOperation({ summary: 'Pause a lane', description: 'What is being sent ends; nothing more is taken.' })
  @ApiParam(ID)
  @ApiOkResponse({ type: LaneResource })
  @Problems({ 404: 'Nothing has this id.' })
  async pause(@Param('id', IdPipe) id: string, @By() by: Actor): Promise<LaneResource> {
    const lane = await this.lanes.pause(id, by);
    if (!lane) throw notFound();
    return showLane(lane);
  }

  @Post(':id/resume')
  @HttpCode(200)
  @Audited()
  @ApiOperation({ summary: 'Resume a lane' })
  @ApiParam(ID)
  @ApiOkResponse({ type: LaneResource })
  @Problems({ 404: 'Nothing has this id.' })
  async resume(@Param('id', IdPipe) id: string, @By() by: Actor): Promise<LaneResource> {
    const lane = await this.lanes.resume(id, by);
    if (!lane) throw notFound();
    return showLane(lane);
  }
}
