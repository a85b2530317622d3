import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsObject, ValidateNested } from 'class-validator';
import { CLOSE_REASONS, CONVERSATION_STATES, type Conversation, type ShownConversation } from '#persistence';
import { ListResource, present, QueryAddress, TenantListQuery } from './list.dto.js';
import { UserBody } from './user.dto.js';
import { IfPresent, IsPlainText } from './validation.js';

type State = Conversation['state'];

export class ConversationsQuery extends TenantListQuery {
  @ApiPropertyOptional({
    type: String,
    example: '+15550123',
    description: "One of the customer's addresses.",
  })
  @IfPresent()
  @QueryAddress()
  @IsPlainText(255)
  address?: string;

  @ApiPropertyOptional({
    type: String,
    example: '+15550100',
    description: 'The business number: its id or address.',
  })
  @IfPresent()
  @QueryAddress()
  @IsPlainText(255)
  number?: string;

  @ApiPropertyOptional({ type: String, enum: CONVERSATION_STATES })
  @IfPresent()
  @IsIn(CONVERSATION_STATES)
  state?: State;
}

@ApiSchema({ name: 'ConversationCustomer' })
export class CustomerResource {
  @ApiProperty({ type: String, format: 'uuid' })
  id!: string;

  @ApiProperty({ type: [String], example: ['+15550123'] })
  addresses!: string[];

  @ApiPropertyOptional({ type: String })
  name?: string;
}

@ApiSchema({ name: 'Conversation' })
export class ConversationResource {
  @ApiProperty({ type: String, format: 'uuid' })
  id!: string;

  @ApiProperty({ type: String, example: 'default' })
  tenantId!: string;

  @ApiProperty({ type: String, format: 'uuid' })
  threadId!: string;

  @ApiProperty({ type: String, format: 'uuid' })
  numberId!: string;

  @ApiProperty({ type: CustomerResource })
  customer!: CustomerResource;

  @ApiProperty({ type: String, enum: CONVERSATION_STATES })
  state!: State;

  @ApiPropertyOptional({ type: String, description: "The Chat Gateway's id, once it is known." })
  chatGatewayConversationId?: string;

  @ApiPropertyOptional({ type: String })
  queueId?: string;

  @ApiPropertyOptional({ type: String })
  agentId?: string;

  @ApiProperty({ type: String, format: 'date-time' })
  openedAt!: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'When an agent first took it.' })
  activeAt?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time' })
  closedAt?: string;

  @ApiPropertyOptional({
    type: String,
    enum: CLOSE_REASONS,
    example: 'agent-left',
    description:
      '`agent-left`: its last agent left, and nobody followed. `idle`: the contact centre ended it. `gone`: the contact centre does not know it any more. `operator`: by this API. `customer-silent`: nobody wrote for `customerSilentMinutes`. `opt-out`: its customer texted STOP. `customer`: its customer texted one of `closing.words`. `survey-over`: its agents had handed it back to the bot, and the time for that is over. `handed-over`: the bot handed the customer over again. `not-opened`: the bot has the customer again before it was opened.',
  })
  closeReason?: string;
}

@ApiSchema({
  name: 'ConversationChanges',
  description: 'What is absent stays; properties are added to those the conversation has.',
})
export class ConversationChangesBody {
  @ApiPropertyOptional({ type: String, maxLength: 255, description: 'Only until an agent has taken it.' })
  @IfPresent()
  @IsPlainText(255)
  queueId?: string;

  @ApiPropertyOptional({ type: UserBody })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => UserBody)
  user?: UserBody;
}

@ApiSchema({ name: 'ConversationList' })
export class ConversationListResource extends ListResource {
  @ApiProperty({ type: [ConversationResource] })
  items!: ConversationResource[];
}

export function showConversation({ conversation, addresses }: ShownConversation): ConversationResource {
  const { customer } = conversation.thread;
  return present<ConversationResource>({
    id: conversation.id,
    tenantId: conversation.tenantId,
    threadId: conversation.threadId,
    numberId: conversation.numberId,
    customer: present<CustomerResource>({ id: customer.id, addresses, name: customer.name }),
    state: conversation.state,
    chatGatewayConversationId: conversation.deskConversationId,
    queueId: conversation.queueId,
    agentId: conversation.agentId,
    openedAt: conversation.openedAt.toISOString(),
    activeAt: conversation.activeAt?.toISOString(),
    closedAt: conversation.closedAt?.toISOString(),
    closeReason: conversation.closeReason,
  });
}
