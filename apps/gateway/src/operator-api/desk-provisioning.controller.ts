import { Body, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger';
import { OperatorNumbers, type Actor, type BusinessNumber } from '#persistence';
import { ProblemException } from '#platform';
import { Audited, By } from './actor.js';
import { accountOf } from './addresses.js';
import { DeskProvisioning, type Addressed } from './desk-provisioning.js';
import {
  AddressedProvisioningBody,
  DeskProvisioningBody,
  DeskProvisioningQuery,
  DeskProvisioningResource,
  DeskProvisioningResultResource,
  DeskRemovalQuery,
  DeskRemovalResource,
  showDeskProvisioning,
  showDeskProvisioningResult,
  showDeskRemoval,
} from './desk-provisioning.dto.js';
import { OperatorController, Problems } from './operator-controller.js';
import { OPERATOR_API_OPTIONS, type OperatorApiOptions } from './options.js';
import { IdPipe, notFound, validated, validatedIfAny } from './validation.js';

const ID = { name: 'id', type: String, format: 'uuid' } as const;
const WRONG = 'A field is wrong or unknown, or a queue is needed.';
const PROBLEMS = {
  409: 'The Chat Gateway cannot reach PUBLIC_BASE_URL, has no such queue, or the channel leads elsewhere.',
  502: 'The Chat Gateway refuses us or cannot be reached.',
};

/** Numbers at the Chat Gateway: webhook and channel, made, found, compared, taken away. */
@OperatorController('numbers')
export class DeskProvisioningController {
  constructor(
    @Inject(OperatorNumbers) private readonly numbers: OperatorNumbers,
    @Inject(DeskProvisioning) private readonly provisioning: DeskProvisioning,
  ) {}

  @Get(':id/desk-provisioning')
  @ApiOperation({
    summary: 'Compare a number with the Chat Gateway',
    description: 'Asks it now, and makes it call our webhook once.',
  })
  @ApiParam(ID)
  @ApiOkResponse({ type: DeskProvisioningResource })
  @Problems({ 400: WRONG, 404: 'Nothing has this id.', ...PROBLEMS })
  async get(
    @Param('id', IdPipe) id: string,
    @Query(validated(DeskProvisioningQuery)) { queueId }: DeskProvisioningQuery,
  ): Promise<DeskProvisioningResource> {
    return showDeskProvisioning(await this.provisioning.look(await this.known(id), queueId));
  }

  @Post(':id/desk-provisioning')
  @HttpCode(200)
  @Audited()
  @ApiOperation({
    summary: 'Connect a number to the Chat Gateway',
    description:
      'Finds or makes our webhook and a channel on it, and configures the number with them; twice is once. Begin with a dry run.',
  })
  @ApiParam(ID)
  @ApiBody({ type: DeskProvisioningBody, required: false })
  @ApiOkResponse({ type: DeskProvisioningResultResource })
  @Problems({ 400: WRONG, 404: 'Nothing has this id.', ...PROBLEMS, 415: 'Not JSON.' })
  async apply(
    @Param('id', IdPipe) id: string,
    @Body(validatedIfAny(DeskProvisioningBody)) { dryRun = false, queueId }: DeskProvisioningBody,
    @By() by: Actor,
  ): Promise<DeskProvisioningResultResource> {
    return lookOrApply(this.provisioning, await this.known(id), { dryRun, queueId, by });
  }

  @Delete(':id/desk-provisioning')
  @Audited()
  @ApiOperation({
    summary: 'Take a number away from the Chat Gateway',
    description:
      'Deletes its channel there, and our webhook where no other channel uses it. The number is unconfigured then: what customers write waits.',
  })
  @ApiParam(ID)
  @ApiOkResponse({ type: DeskRemovalResource })
  @Problems({
    400: 'A query parameter is wrong or unknown.',
    404: 'Nothing has this id.',
    409: 'The number is unconfigured, or conversations of it are open.',
    502: PROBLEMS[502],
  })
  async remove(
    @Param('id', IdPipe) id: string,
    @Query(validated(DeskRemovalQuery)) query: DeskRemovalQuery,
    @By() by: Actor,
  ): Promise<DeskRemovalResource> {
    const { number } = await this.known(id);
    if (number.state === 'unconfigured') {
      throw new ProblemException(409, {
        detail: 'This number is unconfigured: there is nothing to take away.',
      });
    }
    const dryRun = query.dryRun === 'true';
    const removal = dryRun
      ? await this.provisioning.planRemoval(number, query.before)
      : await this.provisioning.remove(number, by);
    return showDeskRemoval(removal, dryRun);
  }

  private async known(id: string): Promise<Addressed & { number: BusinessNumber }> {
    const number = await this.numbers.get(id);
    if (!number) throw notFound();
    const { address, accountSid, tenantId } = number;
    return { address, accountSid, tenantId, number };
  }
}

/** The same by address, also for numbers that are not here yet. */
@OperatorController('desk-provisioning')
export class AddressedProvisioningController {
  constructor(
    @Inject(OPERATOR_API_OPTIONS) private readonly options: OperatorApiOptions,
    @Inject(OperatorNumbers) private readonly numbers: OperatorNumbers,
    @Inject(DeskProvisioning) private readonly provisioning: DeskProvisioning,
  ) {}

  @Post()
  @HttpCode(200)
  @Audited()
  @ApiOperation({
    summary: 'Connect a number by its address to the Chat Gateway',
    description: 'Makes the number where it is not here yet, with its webhook and channel there.',
  })
  @ApiBody({ type: AddressedProvisioningBody })
  @ApiOkResponse({ type: DeskProvisioningResultResource })
  @Problems({ 400: WRONG, ...PROBLEMS, 415: 'Not JSON.' })
  async apply(
    @Body(validated(AddressedProvisioningBody)) body: AddressedProvisioningBody,
    @By() by: Actor,
  ): Promise<DeskProvisioningResultResource> {
    const { address, dryRun = false, queueId } = body;
    const account = accountOf(body.accountSid, this.options);
    const number = await this.numbers.find(account.accountSid, address);
    return lookOrApply(this.provisioning, { address, ...account, number }, { dryRun, queueId, by });
  }
}

async function lookOrApply(
  provisioning: DeskProvisioning,
  of: Addressed,
  { dryRun, queueId, by }: { dryRun: boolean; queueId: string | undefined; by: Actor },
): Promise<DeskProvisioningResultResource> {
  const result = dryRun
    ? { ...(await provisioning.look(of, queueId)), changed: [] }
    : await provisioning.apply(of, by, queueId);
  return showDeskProvisioningResult(result, dryRun);
}
