import { Body, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger';
import { OperatorNumbers, type Actor, type BusinessNumber } from '#persistence';
import { ProblemException } from '#platform';
import { Audited, By } from './actor.js';
import { NumberProvisioning } from './number-provisioning.js';
import { OperatorController, Problems } from './operator-controller.js';
import {
  ProvisioningBody,
  ProvisioningResource,
  ProvisioningResultResource,
  showProvisioning,
  showProvisioningResult,
} from './provisioning.dto.js';
import { IdPipe, notFound, validatedIfAny } from './validation.js';

const ID = { name: 'id', type: String, format: 'uuid' } as const;
const PROBLEMS = {
  404: 'Nothing has this id.',
  409: 'The number is unconfigured, Twilio does not have it, or Twilio cannot be pointed at PUBLIC_BASE_URL.',
  502: 'Twilio refuses us or cannot be reached.',
};

/** Numbers at Twilio: whether they lead to us, and pointing them at us. */
@OperatorController('numbers')
export class ProvisioningController {
  constructor(
    @Inject(OperatorNumbers) private readonly numbers: OperatorNumbers,
    @Inject(NumberProvisioning) private readonly provisioning: NumberProvisioning,
  ) {}

  @Get(':id/provisioning')
  @ApiOperation({
    summary: 'Compare a number with Twilio',
    description:
      'Asks Twilio now; `drift` is what the worker found when it last looked at a number that was provisioned from here.',
  })
  @ApiParam(ID)
  @ApiOkResponse({ type: ProvisioningResource })
  @Problems(PROBLEMS)
  async get(@Param('id', IdPipe) id: string): Promise<ProvisioningResource> {
    return showProvisioning(await this.provisioning.look(await this.configured(id)));
  }

  @Post(':id/provisioning')
  @HttpCode(200)
  @Audited()
  @ApiOperation({
    summary: 'Point a number at this service',
    description:
      'Changes at Twilio what differs and nothing else; twice is once. From then on the number is watched for drift. Begin with a dry run.',
  })
  @ApiParam(ID)
  @ApiBody({ type: ProvisioningBody, required: false })
  @ApiOkResponse({ type: ProvisioningResultResource })
  @Problems({ 400: 'A field is wrong or unknown.', ...PROBLEMS, 415: 'Not JSON.' })
  async apply(
    @Param('id', IdPipe) id: string,
    @Body(validatedIfAny(ProvisioningBody)) { dryRun = false }: ProvisioningBody,
    @By() by: Actor,
  ): Promise<ProvisioningResultResource> {
    const number = await this.configured(id);
    const result = dryRun
      ? { ...(await this.provisioning.look(number)), changed: [] }
      : await this.provisioning.apply(number, by);
    return showProvisioningResult(result, dryRun);
  }

  private async configured(id: string): Promise<BusinessNumber> {
    const number = await this.numbers.get(id);
    if (!number) throw notFound();
    if (number.state === 'configured') return number;
    throw new ProblemException(409, {
      detail: 'This number is unconfigured: POST its address to /api/v1/numbers first.',
    });
  }
}
