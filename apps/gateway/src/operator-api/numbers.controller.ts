import { Body, Delete, Get, HttpCode, Inject, Param, Patch, Post, Query, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
} from '@nestjs/swagger';
import { OperatorNumbers, type Actor, type NewNumber } from '#persistence';
import { ProblemException } from '#platform';
import { Audited, By } from './actor.js';
import { accountOf, channelOf } from './addresses.js';
import { listOf, pageRequest, present, tenantOf } from './list.dto.js';
import {
  NewNumberBody,
  NumberChangesBody,
  NumberListResource,
  NumberResource,
  NumbersQuery,
  showNumber,
} from './numbers.dto.js';
import { OperatorController, Problems } from './operator-controller.js';
import { OPERATOR_API_OPTIONS, type OperatorApiOptions } from './options.js';
import { IdPipe, notFound, validated } from './validation.js';

const ID = { name: 'id', type: String, format: 'uuid' } as const;

@OperatorController('numbers')
export class NumbersController {
  constructor(
    @Inject(OperatorNumbers) private readonly numbers: OperatorNumbers,
    @Inject(OPERATOR_API_OPTIONS) private readonly options: OperatorApiOptions,
  ) {}

  @Post()
  @Audited()
  @ApiOperation({
    summary: 'Configure a number',
    description:
      'Also for one that customers have written to already: what they wrote is delivered now. It belongs to the tenant that owns its account.',
  })
  @ApiBody({ type: NewNumberBody })
  @ApiCreatedResponse({ type: NumberResource })
  @Problems({
    400: 'A field is wrong or unknown.',
    409: 'The number is configured already.',
    415: 'Not JSON.',
  })
  async configure(
    @Body(validated(NewNumberBody)) body: NewNumberBody,
    @By() by: Actor,
    @Res({ passthrough: true }) reply: { header(name: string, value: string): unknown },
  ): Promise<NumberResource> {
    const { accountSid, tenantId } = accountOf(body.accountSid, this.options);
    this.refuseUnsigned(body, tenantId);
    const wanted: NewNumber = {
      ...present<Omit<NewNumberBody, 'accountSid'>>(body),
      tenantId,
      accountSid,
      channel: channelOf(body.address),
    };
    const number = await this.numbers.configure(wanted, by);
    if (!number) throw new ProblemException(409, { detail: 'This number is configured already.' });
    reply.header('location', `/api/v1/numbers/${number.id}`);
    return showNumber(number);
  }

  @Get()
  @ApiOperation({ summary: 'List numbers', description: 'The newest first.' })
  @ApiOkResponse({ type: NumberListResource })
  @Problems({ 400: 'A query parameter is wrong or unknown.' })
  async list(@Query(validated(NumbersQuery)) query: NumbersQuery): Promise<NumberListResource> {
    return listOf(await this.numbers.list(tenantOf(query), pageRequest(query)), showNumber);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a number' })
  @ApiParam(ID)
  @ApiOkResponse({ type: NumberResource })
  @Problems({ 404: 'Nothing has this id.' })
  async get(@Param('id', IdPipe) id: string): Promise<NumberResource> {
    const number = await this.numbers.get(id);
    if (!number) throw notFound();
    return showNumber(number);
  }

  @Patch(':id')
  @Audited()
  @ApiOperation({
    summary: 'Change a number',
    description: 'Messages that were held because something about the number was wrong are tried again.',
  })
  @ApiParam(ID)
  @ApiBody({ type: NumberChangesBody })
  @ApiOkResponse({ type: NumberResource })
  @Problems({
    400: 'A field is wrong or unknown.',
    404: 'Nothing has this id.',
    409: 'The number is unconfigured.',
    415: 'Not JSON.',
  })
  async change(
    @Param('id', IdPipe) id: string,
    @Body(validated(NumberChangesBody)) body: NumberChangesBody,
    @By() by: Actor,
  ): Promise<NumberResource> {
    this.refuseUnsigned(body, (await this.numbers.get(id))?.tenantId);
    const outcome = await this.numbers.change(id, body, by);
    if (outcome === 'unconfigured') {
      throw new ProblemException(409, {
        detail: 'This number is unconfigured: POST its address to /api/v1/numbers.',
      });
    }
    return this.get(id);
  }

  /** A hook is not called without a signature: better said now than not called then. */
  private refuseUnsigned({ settings }: NumberChangesBody, tenantId: string | undefined): void {
    if (tenantId === undefined || this.options.tenants.hookSecretsOf(tenantId).length > 0) return;
    const hook = (['bot', 'directory'] as const).find((name) => settings?.[name]);
    if (!hook) return;
    throw new ProblemException(400, {
      detail: 'Some fields are not as they should be.',
      errors: [
        {
          field: `settings.${hook}`,
          message: `${hook} needs HOOK_SIGNING_SECRET, or one of its tenant, and neither is set`,
        },
      ],
    });
  }

  @Delete(':id')
  @HttpCode(204)
  @Audited()
  @ApiOperation({ summary: 'Delete a number', description: 'Only while no customer has written to it.' })
  @ApiParam(ID)
  @ApiNoContentResponse({ description: 'It is gone.' })
  @Problems({ 404: 'Nothing has this id.', 409: 'Customers have written to it.' })
  async remove(@Param('id', IdPipe) id: string, @By() by: Actor): Promise<void> {
    const outcome = await this.numbers.remove(id, by);
    if (outcome === 'unknown') throw notFound();
    if (outcome === 'in-use') {
      throw new ProblemException(409, {
        detail: 'Customers have written to this number: it cannot be deleted while their threads exist.',
      });
    }
  }
}
