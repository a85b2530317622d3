import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsIn, IsObject, ValidateNested } from 'class-validator';
import { MAX_HISTORY, type HistoryEntry, type MessageContent, type OpeningDetails } from '#core';
import { DELIVERIES, type Message, type ShownMessage } from '#persistence';
import type { Explanations } from './explanations.js';
import { present } from './list.dto.js';
import { CarriesBody, cardOf, fileOf, wrong } from './new-message.dto.js';
import { SurveyBody } from './number-settings.dto.js';
import { deskUser, UserBody } from './user.dto.js';
import { IfPresent, IsId, IsIntegerBetween, IsPlainText } from './validation.js';

const MAX_TEXT_LENGTH = 16_000;
/** Of the whole history. */
const MAX_HISTORY_FILES = 50;
const MAX_FIELD_LENGTH = 255;
const AUTHORS = ['user', 'bot'] as const;

@ApiSchema({ name: 'HandoffHistoryEntry', description: 'A text, attachments or cards, or several of them.' })
export class HistoryEntryBody extends CarriesBody {
  @ApiProperty({ type: String, enum: AUTHORS })
  @IsIn(AUTHORS)
  authorType!: (typeof AUTHORS)[number];

  @ApiPropertyOptional({ type: String, maxLength: MAX_TEXT_LENGTH })
  @IfPresent()
  @IsPlainText(MAX_TEXT_LENGTH)
  text?: string;
}

@ApiSchema({
  name: 'NewHandoff',
  description: 'The customer is named by `threadId`, or by `numberId` and `address`.',
})
export class NewHandoffBody {
  @ApiPropertyOptional({ type: String, format: 'uuid' })
  @IfPresent()
  @IsId()
  threadId?: string;

  @ApiPropertyOptional({ type: String, format: 'uuid', description: 'The business number.' })
  @IfPresent()
  @IsId()
  numberId?: string;

  @ApiPropertyOptional({
    type: String,
    example: '+15550123',
    description: "One of the customer's addresses.",
  })
  @IfPresent()
  @IsPlainText(MAX_FIELD_LENGTH)
  address?: string;

  @ApiPropertyOptional({ type: String, description: "Absent: the number's queue or script." })
  @IfPresent()
  @IsPlainText(MAX_FIELD_LENGTH)
  queueId?: string;

  @ApiPropertyOptional({ type: String, description: 'A script of the contact centre, instead of a queue.' })
  @IfPresent()
  @IsPlainText(MAX_FIELD_LENGTH)
  scriptId?: string;

  @ApiPropertyOptional({ type: UserBody })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => UserBody)
  user?: UserBody;

  @ApiPropertyOptional({
    type: [HistoryEntryBody],
    maxItems: MAX_HISTORY,
    description: 'What was said before, the oldest first.',
  })
  @IfPresent()
  @IsArray()
  @ArrayMaxSize(MAX_HISTORY)
  @ValidateNested({ each: true })
  @Type(() => HistoryEntryBody)
  history?: HistoryEntryBody[];

  @ApiPropertyOptional({
    type: SurveyBody,
    description:
      "The bot gets the customer back when the last agent leaves. Absent: as the number's settings say.",
  })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => SurveyBody)
  survey?: SurveyBody;

  @ApiProperty({
    type: String,
    maxLength: 200,
    description: 'Names this hand-off for good: under it a customer is handed over once.',
  })
  @IsPlainText(200)
  idempotencyKey!: string;
}

@ApiSchema({ name: 'BotThinking' })
export class ThinkingBody {
  @ApiProperty({ type: String, format: 'uuid' })
  @IsId()
  threadId!: string;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: 600, default: 60 })
  @IfPresent()
  @IsIntegerBetween(1, 600)
  maxThinkingTimeSeconds?: number;
}

@ApiSchema({ name: 'Handoff' })
export class HandoffResource {
  @ApiProperty({ type: String, format: 'uuid' })
  id!: string;

  @ApiProperty({ type: String, format: 'uuid' })
  threadId!: string;

  @ApiPropertyOptional({ type: String, format: 'uuid', description: 'Once it has opened one.' })
  conversationId?: string;

  @ApiProperty({
    type: String,
    enum: DELIVERIES,
    description:
      '`submitted`: from then on texts go to the agents. `held`: it waits, and with it what the customer writes behind it, as the reason says.',
  })
  delivery!: Message['delivery'];

  @ApiPropertyOptional({ type: String, description: 'Why it is held or failed.' })
  reason?: string;

  @ApiPropertyOptional({ type: String, description: 'The same in plain words.' })
  explanation?: string;
}

/** Which customer is meant. Throws a problem where that is not said once. */
export function customerOf({
  threadId,
  numberId,
  address,
}: NewHandoffBody): { threadId: string } | { numberId: string; address: string } {
  if (threadId !== undefined && numberId === undefined && address === undefined) return { threadId };
  if (threadId === undefined && numberId !== undefined && address !== undefined) return { numberId, address };
  throw wrong('threadId', 'either threadId, or numberId and address must be given');
}

/** What the agents are given. Throws a problem where it goes to two places, an entry says nothing, or files are too many. */
export function handoffContent(body: NewHandoffBody): MessageContent {
  const { queueId, scriptId, user, history = [], survey } = body;
  if (queueId !== undefined && scriptId !== undefined) {
    throw wrong('scriptId', 'either queueId or scriptId can be given');
  }
  const details: OpeningDetails = {
    ...(user && { user: deskUser(user) }),
    ...(queueId !== undefined && { queueId }),
    ...(scriptId !== undefined && { assignment: { type: 'script' as const, id: scriptId } }),
    ...(history.length > 0 && { history: history.map(entryOf) }),
  };
  const files = history.reduce((sum, { attachments = [] }) => sum + attachments.length, 0);
  if (files > MAX_HISTORY_FILES) {
    throw wrong('history', `history must have at most ${MAX_HISTORY_FILES} attachments in all`);
  }
  return { type: 'handoff', details, ...(survey && { survey: present(survey) }) };
}

function entryOf({ authorType, text, attachments, cards }: HistoryEntryBody, index: number): HistoryEntry {
  if (text === undefined && !attachments && !cards) {
    throw wrong(`history.${index}`, 'an entry must have a text, attachments or cards');
  }
  return {
    authorType,
    ...(text !== undefined && { text }),
    ...(attachments && { attachments: attachments.map(fileOf) }),
    ...(cards && { cards: cards.map(cardOf) }),
  };
}

export function showHandoff(shown: ShownMessage, explanations: Explanations): HandoffResource {
  const { message } = shown;
  return present<HandoffResource>({
    id: message.id,
    threadId: message.threadId,
    conversationId: message.conversationId,
    delivery: message.delivery,
    reason: message.reason,
    explanation: explanations.of(shown),
  });
}
