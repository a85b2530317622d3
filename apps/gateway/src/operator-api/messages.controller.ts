import { Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger';
import { OperatorMessages } from '#persistence';
import { listOf, pageRequest } from './list.dto.js';
import { MessageListResource, MessageResource, MessagesQuery, showMessage } from './messages.dto.js';
import { OperatorController, Problems } from './operator-controller.js';
import { IdPipe, notFound, validated } from './validation.js';

@OperatorController('messages')
export class MessagesController {
  constructor(@Inject(OperatorMessages) private readonly messages: OperatorMessages) {}

  @Get()
  @ApiOperation({ summary: 'List messages', description: 'The newest first, with their parts and attempts.' })
  @ApiOkResponse({ type: MessageListResource })
  @Problems({ 400: 'A query parameter is wrong or unknown.' })
  async list(@Query(validated(MessagesQuery)) query: MessagesQuery): Promise<MessageListResource> {
    const { delivery, possibleDuplicate, direction, address } = query;
    const filter = {
      ...(delivery !== undefined && { delivery }),
      ...(possibleDuplicate !== undefined && { possibleDuplicate }),
      ...(direction !== undefined && { direction }),
      ...(address !== undefined && { address }),
    };
    return listOf(await this.messages.list(filter, pageRequest(query)), showMessage);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a message' })
  @ApiParam({ name: 'id', type: String, format: 'uuid' })
  @ApiOkResponse({ type: MessageResource })
  @Problems({ 404: 'Nothing has this id.' })
  async get(@Param('id', IdPipe) id: string): Promise<MessageResource> {
    const message = await this.messages.get(id);
    if (!message) throw notFound();
    return showMessage(message);
  }
}
