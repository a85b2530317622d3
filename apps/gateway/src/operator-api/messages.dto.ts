import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsBoolean, IsIn } from 'class-validator';
import { ATTEMPT_OUTCOMES, RECEIPT_RANK, type AuthorType, type Direction, type MessageContent } from '#core';
import { DELIVERIES, type Attempt, type Message, type ShownMessage } from '#persistence';
import type { Explanations } from './explanations.js';
import { ListQuery, ListResource, present, QueryAddress, QueryBoolean } from './list.dto.js';
import { IfPresent, IsId, IsInstant, IsPlainText } from './validation.js';

export const DIRECTIONS = ['inbound', 'outbound'] as const;
const CONTENT_TYPES: readonly MessageContent['type'][] = [
  'text',
  'attachments',
  'location',
  'contact',
  'card',
  'choice',
  'template',
  'unknown',
  'note',
  'reopening',
];
const AUTHOR_TYPES = ['user', 'agent', 'bot', 'unknown'] as const;

export class MessagesQuery extends ListQuery {
  @ApiPropertyOptional({
    type: String,
    example: 'default',
    description: 'One tenant. Only with `delivery` (not `submitted`), `reason`, `address` or `acceptedFrom`.',
  })
  @IfPresent()
  @IsPlainText(63)
  tenantId?: string;

  @ApiPropertyOptional({ type: String, enum: DELIVERIES })
  @IfPresent()
  @IsIn(DELIVERIES)
  delivery?: Message['delivery'];

  @ApiPropertyOptional({ type: Boolean })
  @IfPresent()
  @QueryBoolean()
  @IsBoolean()
  possibleDuplicate?: boolean;

  @ApiPropertyOptional({ type: String, enum: DIRECTIONS })
  @IfPresent()
  @IsIn(DIRECTIONS)
  direction?: Direction;

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
    example: 'too-old',
    description: 'Failed and held ones, unless `delivery` says otherwise.',
  })
  @IfPresent()
  @IsPlainText(100)
  reason?: string;

  @ApiPropertyOptional({
    type: String,
    format: 'uuid',
    description:
      'The business number. Only with `delivery` (not `submitted`), `reason`, `address` or `acceptedFrom`.',
  })
  @IfPresent()
  @IsId()
  numberId?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Accepted from this instant on.' })
  @IfPresent()
  @IsInstant()
  acceptedFrom?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'Accepted before this instant.' })
  @IfPresent()
  @IsInstant()
  acceptedTo?: string;
}

@ApiSchema({ name: 'Attempt', description: 'One call to a provider for one part.' })
export class AttemptResource {
  @ApiProperty({ type: String, format: 'uuid' })
  id!: string;

  @ApiProperty({ type: String, description: "What the provider's callbacks name this attempt by." })
  correlationId!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  startedAt!: string;

  @ApiPropertyOptional({ type: String, format: 'date-time' })
  endedAt?: string;

  @ApiProperty({
    type: String,
    enum: ATTEMPT_OUTCOMES,
  })
  outcome!: Attempt['outcome'];

  @ApiPropertyOptional({ type: String, description: "The provider's id of what was sent." })
  providerId?: string;

  @ApiPropertyOptional({
    type: String,
    enum: ['GSM-7', 'UCS-2'],
    description: 'SMS: how the text was encoded.',
  })
  encoding?: string;

  @ApiPropertyOptional({
    type: 'integer',
    description: 'SMS: what Twilio bills, as far as it can be told beforehand.',
  })
  segments?: number;

  @ApiPropertyOptional({ type: 'integer' })
  httpStatus?: number;

  @ApiPropertyOptional({ type: String })
  errorClass?: string;

  @ApiPropertyOptional({
    type: String,
    example: 'opted-out',
    description: 'What went wrong, by a short name.',
  })
  errorCode?: string;

  @ApiPropertyOptional({ type: String, example: '21610', description: "The provider's own error code." })
  providerCode?: string;
}

@ApiSchema({ name: 'Part', description: 'What one call to a provider carries.' })
export class PartResource {
  @ApiProperty({ type: 'integer', minimum: 1 })
  n!: number;

  @ApiProperty({ type: [AttemptResource], description: 'In the order in which they were made.' })
  attempts!: AttemptResource[];
}

@ApiSchema({ name: 'Message' })
export class MessageResource {
  @ApiProperty({ type: String, format: 'uuid' })
  id!: string;

  @ApiProperty({ type: String, example: 'default' })
  tenantId!: string;

  @ApiProperty({ type: String, format: 'uuid' })
  threadId!: string;

  @ApiProperty({ type: String, format: 'uuid' })
  laneId!: string;

  @ApiPropertyOptional({ type: String, format: 'uuid' })
  conversationId?: string;

  @ApiProperty({ type: String, enum: DIRECTIONS, description: 'inbound: from the customer to the agent.' })
  direction!: Direction;

  @ApiProperty({ type: String, enum: AUTHOR_TYPES })
  authorType!: AuthorType;

  @ApiProperty({ type: 'integer', description: 'Its place in its lane.' })
  seq!: number;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    required: ['type'],
    selfRequired: true,
    properties: {
      type: {
        type: 'string',
        enum: CONTENT_TYPES,
      },
    },
    description: 'As it was accepted, to the letter.',
  })
  content!: MessageContent;

  @ApiProperty({ type: String, enum: DELIVERIES })
  delivery!: Message['delivery'];

  @ApiPropertyOptional({
    type: String,
    enum: Object.keys(RECEIPT_RANK),
    description: 'What the provider reports.',
  })
  receipt?: NonNullable<Message['receipt']>;

  @ApiPropertyOptional({ type: String, description: 'Why it is held or failed.' })
  reason?: string;

  @ApiPropertyOptional({ type: String, description: "The provider's own error code." })
  providerCode?: string;

  @ApiPropertyOptional({
    type: String,
    description: 'The reason in plain words, with what the code means and what is to be done.',
  })
  explanation?: string;

  @ApiProperty({
    type: Boolean,
    description: 'It had to be sent again without knowing what became of the first time.',
  })
  possibleDuplicate!: boolean;

  @ApiProperty({ type: String, format: 'date-time' })
  acceptedAt!: string;

  @ApiPropertyOptional({ type: String, format: 'date-time' })
  submittedAt?: string;

  @ApiProperty({ type: [PartResource], description: 'None before the first attempt.' })
  parts!: PartResource[];
}

@ApiSchema({ name: 'MessageList' })
export class MessageListResource extends ListResource {
  @ApiProperty({ type: [MessageResource] })
  items!: MessageResource[];
}

export function showMessage(shown: ShownMessage, explanations: Explanations): MessageResource {
  const { message, parts } = shown;
  return present<MessageResource>({
    id: message.id,
    tenantId: message.tenantId,
    threadId: message.threadId,
    laneId: message.laneId,
    conversationId: message.conversationId,
    direction: message.direction,
    authorType: message.authorType,
    seq: message.seq,
    content: message.content,
    delivery: message.delivery,
    receipt: message.receipt,
    reason: message.reason,
    providerCode: message.providerCode,
    explanation: explanations.of(shown),
    possibleDuplicate: message.possibleDuplicate,
    acceptedAt: message.acceptedAt.toISOString(),
    submittedAt: message.submittedAt?.toISOString(),
    parts: parts.map(({ n, attempts }) => ({ n, attempts: attempts.map(showAttempt) })),
  });
}

function showAttempt(attempt: Attempt): AttemptResource {
  return present<AttemptResource>({
    id: attempt.id,
    // One value to us; providers see it in callback URLs.
    correlationId: attempt.id,
    startedAt: attempt.startedAt.toISOString(),
    endedAt: attempt.endedAt?.toISOString(),
    outcome: attempt.outcome,
    providerId: attempt.providerId,
    encoding: attempt.encoding,
    segments: attempt.segments,
    httpStatus: attempt.httpStatus,
    errorClass: attempt.errorClass,
    errorCode: attempt.errorCode,
    providerCode: attempt.providerCode,
  });
}
