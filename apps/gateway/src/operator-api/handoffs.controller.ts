import { Body, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
} from '@nestjs/swagger';
import { Signals } from '#core';
import { OperatorDatabase, OperatorHandoffs, OperatorMessages, type Actor } from '#persistence';
import { ProblemException } from '#platform';
import { Audited, By } from './actor.js';
import { Explanations } from './explanations.js';
import {
  customerOf,
  HandoffResource,
  handoffContent,
  NewHandoffBody,
  showHandoff,
  ThinkingBody,
} from './handoffs.dto.js';
import { OperatorController, Problems } from './operator-controller.js';
import { IdPipe, notFound, validated } from './validation.js';

/** As the Chat Gateway has it. */
const DEFAULT_THINKING_S = 60;

const REFUSALS = {
  unknown: [404, 'This customer has not written to this number.'],
  conflict: [409, 'Something else was handed over under this idempotencyKey.'],
  served: [409, 'The agents have this customer already.'],
  waiting: [409, 'Another hand-off of this customer waits.'],
} as const;

@OperatorController('handoffs')
export class HandoffsController {
  constructor(
    @Inject(OperatorHandoffs) private readonly handoffs: OperatorHandoffs,
    @Inject(OperatorMessages) private readonly messages: OperatorMessages,
    @Inject(Explanations) private readonly explanations: Explanations,
    @Inject(OperatorDatabase) private readonly database: OperatorDatabase,
    @Inject(Signals) private readonly signals: Signals,
  ) {}

  @Post()
  @HttpCode(202)
  @Audited()
  @ApiOperation({
    summary: 'Hand a customer over to the agents',
    description:
      "A conversation is opened with what the bot knows, behind what the customer has written so far; what they write from now on goes to the agents. The same request again, by its idempotencyKey, hands over nothing more. After the agents' part, during a survey, it ends the survey. Outside the opening hours of the queue that it goes to it is `held` (`closed-hours`): the customer is told so once (`texts.closed`), and what they write waits behind it, neither the bot nor the agents hear it, until those hours begin. Read the hand-off to know.",
  })
  @ApiAcceptedResponse({ type: HandoffResource })
  @Problems({
    400: 'A field is wrong or unknown.',
    404: 'There is no such thread.',
    409: 'Something else was handed over under this idempotencyKey, or the agents have the customer.',
    415: 'Not JSON.',
  })
  async post(
    @Body(validated(NewHandoffBody)) body: NewHandoffBody,
    @By() by: Actor,
  ): Promise<HandoffResource> {
    const { idempotencyKey } = body;
    const outcome = await this.handoffs.post(
      { customer: customerOf(body), idempotencyKey, content: handoffContent(body) },
      by,
    );
    if ('refused' in outcome) {
      const [status, detail] = REFUSALS[outcome.refused];
      throw new ProblemException(status, { detail });
    }
    return this.get(outcome.id);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a hand-off' })
  @ApiParam({ name: 'id', type: String, format: 'uuid' })
  @ApiOkResponse({ type: HandoffResource })
  @Problems({ 404: 'Nothing has this id.' })
  async get(@Param('id', IdPipe) id: string): Promise<HandoffResource> {
    const shown = await this.messages.get(id);
    if (shown?.message.content.type !== 'handoff') throw notFound();
    return showHandoff(shown, this.explanations);
  }

  @Post('thinking')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Show that the bot is at work on an answer',
    description:
      'WhatsApp: the customer sees somebody typing. Where the bot has the customer back from the agents, the contact centre shows it, too. Worth nothing a moment later: it is tried once.',
  })
  @ApiNoContentResponse({ description: 'It is passed on.' })
  @Problems({ 400: 'A field is wrong or unknown.', 404: 'No thread has this id.', 415: 'Not JSON.' })
  async thinking(@Body(validated(ThinkingBody)) body: ThinkingBody): Promise<void> {
    const { threadId, maxThinkingTimeSeconds: seconds = DEFAULT_THINKING_S } = body;
    const tenantId = await this.database.tenantOf('threads', threadId);
    if (tenantId === undefined) throw new ProblemException(404, { detail: 'No thread has this id.' });
    this.signals.thinking({ tenantId, threadId, seconds });
  }
}
