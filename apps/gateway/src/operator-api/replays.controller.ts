import { Body, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger';
import { OperatorMessages, OperatorReplays, type ActOutcome, type Actor } from '#persistence';
import { ProblemException } from '#platform';
import { Audited, By } from './actor.js';
import { Explanations } from './explanations.js';
import { present } from './list.dto.js';
import { MessageResource, showMessage } from './messages.dto.js';
import { OperatorController, Problems } from './operator-controller.js';
import {
  FilteredReplayBody,
  ReplayBody,
  replayFilter,
  ReplayReasonResource,
  ReplayResultResource,
} from './replays.dto.js';
import { IdPipe, notFound, validated, validatedIfAny } from './validation.js';

const ID = { name: 'id', type: String, format: 'uuid' } as const;

/** Failed is a place, not an end: messages are taken up again, or given up. */
@OperatorController('messages')
export class ReplaysController {
  constructor(
    @Inject(OperatorReplays) private readonly replays: OperatorReplays,
    @Inject(OperatorMessages) private readonly messages: OperatorMessages,
    @Inject(Explanations) private readonly explanations: Explanations,
  ) {}

  @Post('replay')
  @HttpCode(200)
  @Audited()
  @ApiOperation({
    summary: 'Replay failed and held messages by a filter',
    description: 'Begin with a dry run. Each lane goes on in its order.',
  })
  @ApiBody({ type: FilteredReplayBody })
  @ApiOkResponse({ type: ReplayResultResource })
  @Problems({ 400: 'A field is wrong or unknown, or the filter is empty.', 415: 'Not JSON.' })
  async replayAll(
    @Body(validated(FilteredReplayBody)) { filter, dryRun = false }: FilteredReplayBody,
    @By() by: Actor,
  ): Promise<ReplayResultResource> {
    if (Object.values(filter).every((value) => value === undefined)) {
      throw new ProblemException(400, {
        detail: 'An empty filter would replay everything. To mean that, give a delivery: failed or held.',
        errors: [{ field: 'filter', message: 'filter must have at least one field' }],
      });
    }
    const wanted = replayFilter(filter);
    const { matched, replayed, reasons } = dryRun
      ? { ...(await this.replays.matches(wanted)), replayed: 0 }
      : await this.replays.replayAll(wanted, by);
    return { dryRun, matched, replayed, reasons: reasons.map((one) => present<ReplayReasonResource>(one)) };
  }

  @Post(':id/replay')
  @HttpCode(200)
  @Audited()
  @ApiOperation({
    summary: 'Replay a message',
    description:
      'A new round of attempts for the parts that were not submitted or that the provider reported failed, at its own place in its lane.',
  })
  @ApiParam(ID)
  @ApiBody({ type: ReplayBody, required: false })
  @ApiOkResponse({ type: MessageResource })
  @Problems({
    400: 'A field is wrong or unknown.',
    404: 'Nothing has this id.',
    409: 'It is neither failed nor held.',
    415: 'Not JSON.',
  })
  async replay(
    @Param('id', IdPipe) id: string,
    @Body(validatedIfAny(ReplayBody)) { allParts = false }: ReplayBody,
    @By() by: Actor,
  ): Promise<MessageResource> {
    return this.answer(id, await this.replays.replay(id, allParts, by), 'replay');
  }

  @Post(':id/discard')
  @HttpCode(200)
  @Audited()
  @ApiOperation({
    summary: 'Discard a message',
    description:
      'It fails with the reason `discarded`, and its lane goes on. Discarding twice is discarding once.',
  })
  @ApiParam(ID)
  @ApiOkResponse({ type: MessageResource })
  @Problems({
    404: 'Nothing has this id.',
    409: 'It has been submitted, or may be, or a worker has its lane right now.',
  })
  async discard(@Param('id', IdPipe) id: string, @By() by: Actor): Promise<MessageResource> {
    return this.answer(id, await this.replays.discard(id, by), 'discard');
  }

  private async answer(id: string, outcome: ActOutcome, act: 'replay' | 'discard'): Promise<MessageResource> {
    if (outcome === 'unknown') throw notFound();
    if (typeof outcome === 'object') throw new ProblemException(409, { detail: refusal(outcome, act) });
    const message = await this.messages.get(id);
    if (!message) throw notFound();
    return showMessage(message, this.explanations);
  }
}

function refusal({ refused, delivery }: ActOutcome & object, act: 'replay' | 'discard'): string {
  if (refused === 'lane-taken') {
    return 'A worker has the lane of this message right now and may be about to send it: try again, or pause the lane first.';
  }
  switch (delivery) {
    case 'submitted':
      return act === 'replay'
        ? 'This message has been submitted: there is nothing to replay.'
        : 'This message has been submitted: it cannot be taken back.';
    case 'uncertain':
      return 'Whether the provider has this message is being found out: wait for that.';
    default:
      return `This message is ${delivery}: it is on its way already.`;
  }
}
