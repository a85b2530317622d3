import { Body, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger';
import { OperatorMessages, type Actor, type MessageFilter } from '#persistence';
import { ProblemException } from '#platform';
import { Audited, By } from './actor.js';
import { Explanations } from './explanations.js';
import { listOf, pageRequest } from './list.dto.js';
import { MessageListResource, MessageResource, MessagesQuery, showMessage } from './messages.dto.js';
import { contentOf, NewMessageBody } from './new-message.dto.js';
import { OperatorController, Problems } from './operator-controller.js';
import { IdPipe, notFound, validated } from './validation.js';

@OperatorController('messages')
export class MessagesController {
  constructor(
    @Inject(OperatorMessages) private readonly messages: OperatorMessages,
    @Inject(Explanations) private readonly explanations: Explanations,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List messages', description: 'The newest first, with their parts and attempts.' })
  @ApiOkResponse({ type: MessageListResource })
  @Problems({ 400: 'A query parameter is wrong or unknown.' })
  async list(@Query(validated(MessagesQuery)) query: MessagesQuery): Promise<MessageListResource> {
    const { cursor: _cursor, limit: _limit, acceptedFrom, acceptedTo, ...rest } = query;
    const broad = (['numberId', 'tenantId'] as const).find((field) => query[field] !== undefined);
    if (broad !== undefined && !isNarrow(query)) {
      const message = `${broad} needs delivery (not submitted), reason, address or acceptedFrom beside it`;
      throw new ProblemException(400, {
        detail: 'Some fields are not as they should be.',
        errors: [{ field: broad, message }],
      });
    }
    const filter: MessageFilter = {
      ...rest,
      ...(acceptedFrom !== undefined && { acceptedFrom: new Date(acceptedFrom) }),
      ...(acceptedTo !== undefined && { acceptedTo: new Date(acceptedTo) }),
    };
    const page = await this.messages.list(filter, pageRequest(query));
    return listOf(page, (message) => showMessage(message, this.explanations));
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a message' })
  @ApiParam({ name: 'id', type: String, format: 'uuid' })
  @ApiOkResponse({ type: MessageResource })
  @Problems({ 404: 'Nothing has this id.' })
  async get(@Param('id', IdPipe) id: string): Promise<MessageResource> {
    const message = await this.messages.get(id);
    if (!message) throw notFound();
    return showMessage(message, this.explanations);
  }

  @Post()
  @HttpCode(202)
  @Audited()
  @ApiOperation({
    summary: 'Send a message to a customer',
    description:
      'A text, or a template. It takes its place behind what waits for the same customer. The same request again, by its idempotencyKey, sends nothing more and answers the same message.',
  })
  @ApiAcceptedResponse({ type: MessageResource })
  @Problems({
    400: 'A field is wrong or unknown.',
    404: 'There is no such thread.',
    409: 'Something else was sent under this idempotencyKey.',
    415: 'Not JSON.',
  })
  async post(
    @Body(validated(NewMessageBody)) body: NewMessageBody,
    @By() by: Actor,
  ): Promise<MessageResource> {
    const { threadId, idempotencyKey } = body;
    const id = await this.messages.post({ threadId, idempotencyKey, content: contentOf(body) }, by);
    if (id === 'unknown') throw new ProblemException(404, { detail: 'There is no thread with this id.' });
    if (id === 'conflict') {
      throw new ProblemException(409, { detail: 'Something else was sent under this idempotencyKey.' });
    }
    return this.get(id);
  }
}

/** Nothing leads from a number or a tenant to its messages but reading them: that must not mean all of them. */
function isNarrow({ delivery, reason, address, acceptedFrom }: MessagesQuery): boolean {
  return (
    (delivery !== undefined && delivery !== 'submitted') ||
    [reason, address, acceptedFrom].some((one) => one !== undefined)
  );
}
