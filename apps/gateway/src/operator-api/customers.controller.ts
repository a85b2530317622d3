import { Body, Get, HttpCode, Inject, Param, Patch, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger';
import { OperatorCustomers, type Actor } from '#persistence';
import { Audited, By } from './actor.js';
import { CustomerChangesBody, CustomerResource, OptOutBody, showCustomer } from './customers.dto.js';
import { OperatorController, Problems } from './operator-controller.js';
import { IdPipe, notFound, validated } from './validation.js';

const ID = { name: 'id', type: String, format: 'uuid' } as const;

@OperatorController('customers')
export class CustomersController {
  constructor(@Inject(OperatorCustomers) private readonly customers: OperatorCustomers) {}

  @Get(':id')
  @ApiOperation({ summary: 'Read a customer' })
  @ApiParam(ID)
  @ApiOkResponse({ type: CustomerResource })
  @Problems({ 404: 'Nothing has this id.' })
  async get(@Param('id', IdPipe) id: string): Promise<CustomerResource> {
    const customer = await this.customers.get(id);
    if (!customer) throw notFound();
    return showCustomer(customer);
  }

  @Patch(':id')
  @Audited()
  @ApiOperation({ summary: 'Change a customer' })
  @ApiParam(ID)
  @ApiBody({ type: CustomerChangesBody })
  @ApiOkResponse({ type: CustomerResource })
  @Problems({ 400: 'A field is wrong or unknown.', 404: 'Nothing has this id.', 415: 'Not JSON.' })
  async change(
    @Param('id', IdPipe) id: string,
    @Body(validated(CustomerChangesBody)) body: CustomerChangesBody,
    @By() by: Actor,
  ): Promise<CustomerResource> {
    const customer = await this.customers.change(id, body, by);
    if (!customer) throw notFound();
    return showCustomer(customer);
  }

  @Post(':id/opt-out')
  @HttpCode(200)
  @Audited()
  @ApiOperation({
    summary: 'Say that a customer has opted out of a number, or in again',
    description:
      'Of what we send only: Twilio keeps its own list, and refuses whom it holds for opted out. STOP and START do this by themselves.',
  })
  @ApiParam(ID)
  @ApiOkResponse({ type: CustomerResource })
  @Problems({
    400: 'A field is wrong or unknown.',
    404: 'The customer never wrote to this number.',
    415: 'Not JSON.',
  })
  async optOut(
    @Param('id', IdPipe) id: string,
    @Body(validated(OptOutBody)) body: OptOutBody,
    @By() by: Actor,
  ): Promise<CustomerResource> {
    const customer = await this.customers.setOptOut(id, body, by);
    if (!customer) throw notFound();
    return showCustomer(customer);
  }
}
