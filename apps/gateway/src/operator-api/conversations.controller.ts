import { Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger';
import { OperatorConversations, OperatorMessages, type Actor } from '#persistence';
import { ProblemException } from '#platform';
import { Audited, By } from './actor.js';
import {
  ConversationListResource,
  ConversationResource,
  ConversationsQuery,
  showConversation,
} from './conversations.dto.js';
import { isUuid } from './cursor.js';
import { Explanations } from './explanations.js';
import { ListQuery, listOf, pageRequest, tenantOf } from './list.dto.js';
import { MessageListResource, showMessage } from './messages.dto.js';
import { OperatorController, Problems } from './operator-controller.js';
import { IdPipe, notFound, validated } from './validation.js';

const ID = { name: 'id', type: String, format: 'uuid' } as const;

@OperatorController('conversations')
export class ConversationsController {
  constructor(
    @Inject(OperatorConversations) private readonly conversations: OperatorConversations,
    @Inject(OperatorMessages) private readonly messages: OperatorMessages,
    @Inject(Explanations) private readonly explanations: Explanations,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List conversations', description: 'The newest first.' })
  @ApiOkResponse({ type: ConversationListResource })
  @Problems({ 400: 'A query parameter is wrong or unknown.' })
  async list(
    @Query(validated(ConversationsQuery)) query: ConversationsQuery,
  ): Promise<ConversationListResource> {
    const { address, number, state } = query;
    const filter = {
      ...tenantOf(query),
      ...(address !== undefined && { address }),
      ...(number !== undefined && (isUuid(number) ? { numberId: number } : { numberAddress: number })),
      ...(state !== undefined && { state }),
    };
    return listOf(await this.conversations.list(filter, pageRequest(query)), showConversation);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a conversation' })
  @ApiParam(ID)
  @ApiOkResponse({ type: ConversationResource })
  @Problems({ 404: 'Nothing has this id.' })
  async get(@Param('id', IdPipe) id: string): Promise<ConversationResource> {
    const conversation = await this.conversations.get(id);
    if (!conversation) throw notFound();
    return showConversation(conversation);
  }

  @Get(':id/messages')
  @ApiOperation({
    summary: 'List the messages of a conversation',
    description: 'In the order of acceptance.',
  })
  @ApiParam(ID)
  @ApiOkResponse({ type: MessageListResource })
  @Problems({ 400: 'A query parameter is wrong or unknown.', 404: 'Nothing has this id.' })
  async messagesOf(
    @Param('id', IdPipe) id: string,
    @Query(validated(ListQuery)) query: ListQuery,
  ): Promise<MessageListResource> {
    if (!(await this.conversations.has(id))) throw notFound();
    const page = await this.messages.ofConversation(id, pageRequest(query));
    return listOf(page, (message) => showMessage(message, this.explanations));
  }

  @Post(':id/close')
  @HttpCode(200)
  @Audited()
  @ApiOperation({
    summary: 'Close a conversation',
    description: "It ends at the Chat Gateway, too. The customer's next message opens a new one.",
  })
  @ApiParam(ID)
  @ApiOkResponse({ type: ConversationResource })
  @Problems({ 404: 'Nothing has this id.', 409: 'The conversation is closed already.' })
  async close(@Param('id', IdPipe) id: string, @By() by: Actor): Promise<ConversationResource> {
    const outcome = await this.conversations.close(id, by);
    if (outcome === 'unknown') throw notFound();
    if (outcome === 'closed-already') {
      throw new ProblemException(409, { detail: 'This conversation is closed already.' });
    }
    return this.get(id);
  }
}
