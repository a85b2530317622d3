import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateNested,
  type ValidationArguments,
} from 'class-validator';
import { DIRECTORY_CACHE_MINUTES, MAX_PROPERTIES, MAX_USER_FIELD } from '#core';
import { ClosingBody } from './closing.dto.js';
import { TextsBody } from './texts.dto.js';
import {
  IfPresent,
  IsHookUrl,
  IsIntegerBetween,
  IsPlainText,
  IsProperties,
  IsTextByName,
  YEAR_MINUTES,
} from './validation.js';

const MAX_MESSAGES_PER_SECOND = 10_000;
const CONTENT_SID = /^HX[0-9a-fA-F]{32}$/;
const PARTS_WAIT_FOR = ['submitted', 'sent', 'delivered'] as const;
/** What can stand in a path: dots alone would climb out of it. */
const SCHEDULE = /^(?!\.{1,2}$)[^\0]{1,255}$/;
const DAY_MINUTES = 24 * 60;
const MAX_SCHEDULES = 200;

@ApiSchema({ name: 'Template', description: 'A text that was approved beforehand, or made for reuse.' })
export class TemplateBody {
  @ApiProperty({ type: String, pattern: CONTENT_SID.source, description: 'An approved WhatsApp template.' })
  @Matches(CONTENT_SID, { message: '$property must be the sid of a content template (HX…)' })
  contentSid!: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { '1': 'Acme' },
    description: "The template's variables by name.",
  })
  @IfPresent()
  @IsTextByName(100, 1600)
  variables?: Record<string, string>;
}

@ApiSchema({ name: 'Directory', description: 'An HTTP service that says who a customer is.' })
export class DirectoryBody {
  @ApiProperty({
    type: String,
    format: 'uri',
    description:
      'Asked by `POST {channel, number, address}`, signed with HOOK_SIGNING_SECRET, or that of its tenant, by the rules of Standard Webhooks. It answers `{name?, userId?, email?, company?, caseId?, language?, properties?}` within two seconds, or 404.',
  })
  @IsHookUrl()
  url!: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 1440,
    default: DIRECTORY_CACHE_MINUTES,
    description: 'For how long its answer counts.',
  })
  @IfPresent()
  @IsIntegerBetween(0, 1440)
  cacheMinutes?: number;
}

@ApiSchema({ name: 'NumberUser', description: 'What agents are shown of each of its customers.' })
export class NumberUserBody {
  @ApiPropertyOptional({ type: String, maxLength: MAX_USER_FIELD })
  @IfPresent()
  @IsPlainText(MAX_USER_FIELD)
  company?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    maxProperties: MAX_PROPERTIES,
    example: { Brand: 'North' },
  })
  @IfPresent()
  @IsProperties()
  properties?: Record<string, string>;
}

/** A warning before a silence is over lies within it. */
function WarnsInTime(): PropertyDecorator {
  return ValidateBy({
    name: 'warnsInTime',
    validator: {
      validate: (closing: ClosingBody | undefined, about?: ValidationArguments) => {
        const settings = about?.object as NumberSettingsBody | undefined;
        return (
          closing?.warnMinutes === undefined || closing.warnMinutes < (settings?.customerSilentMinutes ?? 0)
        );
      },
      defaultMessage: () => '$property must have warnMinutes that are fewer than customerSilentMinutes',
    },
  });
}

@ApiSchema({
  name: 'Survey',
  description: 'When a conversation that was handed back to the bot is over by itself.',
})
export class SurveyBody {
  @ApiPropertyOptional({ type: 'integer', minimum: 20, maximum: 600 })
  @IfPresent()
  @IsIntegerBetween(20, 600)
  maxTotalMinutes?: number;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 10,
    maximum: 300,
    description: "Of the customer's silence after the bot's last word.",
  })
  @IfPresent()
  @IsIntegerBetween(10, 300)
  userTimeoutMinutes?: number;
}

@ApiSchema({ name: 'Bot' })
export class BotBody {
  @ApiProperty({
    type: String,
    example: 'https://bot.example.com/causeway',
    description:
      "Where customers' messages are posted, signed as Standard Webhooks has it (HOOK_SIGNING_SECRET, or the tenant's own).",
  })
  @IsHookUrl()
  url!: string;

  @ApiPropertyOptional({
    type: SurveyBody,
    description:
      "Agents' conversations are handed back to the bot when the last agent leaves. Absent: they end then.",
  })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => SurveyBody)
  survey?: SurveyBody;
}

const MODES = ['direct', 'bot'] as const;

@ApiSchema({
  name: 'OpeningHours',
  description: 'When conversations may be opened, by the schedules of the contact centre.',
})
export class OpeningHoursBody {
  @ApiProperty({ type: String, maxLength: 255, example: 'Main', description: 'A schedule, by id or name.' })
  @IsPlainText(255)
  @Matches(SCHEDULE, { message: '$property must be the id or the name of a schedule' })
  schedule!: string;

  @ApiPropertyOptional({
    type: [Number],
    minimum: 1,
    maximum: 6,
    description: "Of the schedule's own choices (1 to 6) those that count as open. Absent: none.",
  })
  @IfPresent()
  @IsArray()
  @ArrayMaxSize(6)
  @ArrayUnique()
  @IsInt({ each: true })
  @Min(1, { each: true })
  @Max(6, { each: true })
  openStatuses?: number[];

  @ApiPropertyOptional({
    type: String,
    enum: ['hold', 'open'],
    default: 'hold',
    description:
      'What becomes of a text that would open a conversation while it is closed: it waits, or it opens one all the same.',
  })
  @IfPresent()
  @IsIn(['hold', 'open'])
  whenClosed?: 'hold' | 'open';

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { '200': 'Sales' },
    description: 'Other schedules, by the queue that the conversation would go to.',
  })
  @IfPresent()
  @IsTextByName(MAX_SCHEDULES, 255, SCHEDULE)
  queues?: Record<string, string>;
}

@ApiSchema({
  name: 'Waiting',
  description:
    'What is done for customers who wait for their first agent. Texts go out where the number has them: waiting, waitingLong, noAgent.',
})
export class WaitingBody {
  @ApiPropertyOptional({
    type: Boolean,
    default: true,
    description: 'Tell their place in the queue when they come into it.',
  })
  @IfPresent()
  @IsBoolean()
  tellOnQueue?: boolean;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: DAY_MINUTES,
    description: 'And again at such intervals. Absent: not again.',
  })
  @IfPresent()
  @IsIntegerBetween(1, DAY_MINUTES)
  tellEveryMinutes?: number;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: DAY_MINUTES,
    description: 'A longer wait in one queue is too long. Absent: none is.',
  })
  @IfPresent()
  @IsIntegerBetween(1, DAY_MINUTES)
  maxWaitMinutes?: number;

  @ApiPropertyOptional({
    type: String,
    maxLength: 255,
    description:
      'The queue that a conversation goes to, once, when its wait is too long or no agent is eligible. Absent: the customer is told.',
  })
  @IfPresent()
  @IsPlainText(255)
  thenQueueId?: string;
}

@ApiSchema({ name: 'NumberSettings' })
export class NumberSettingsBody {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: YEAR_MINUTES,
    description:
      'Conversations that an agent has are closed when neither customer nor agent has written for so long; who waits in a queue is not silent. Absent: never for that.',
  })
  @IfPresent()
  @IsIntegerBetween(1, YEAR_MINUTES)
  customerSilentMinutes?: number;

  @ApiPropertyOptional({ type: () => ClosingBody })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => ClosingBody)
  @WarnsInTime()
  closing?: ClosingBody;

  @ApiPropertyOptional({ type: () => TextsBody })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => TextsBody)
  texts?: TextsBody;

  @ApiPropertyOptional({
    type: String,
    maxLength: 1600,
    example: 'We could not pass your message on. Please write again.',
    description:
      "Sent to a customer whose message could not be delivered to the agents, at most once in ten minutes: `texts.failed` in the number's language. Absent: they are not told.",
  })
  @IfPresent()
  @IsPlainText(1600)
  failedText?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: MAX_MESSAGES_PER_SECOND,
    description: 'How much it sends at most, over all workers. Absent: what its channel allows.',
  })
  @IfPresent()
  @IsIntegerBetween(1, MAX_MESSAGES_PER_SECOND)
  messagesPerSecond?: number;

  @ApiPropertyOptional({
    type: Boolean,
    default: true,
    description:
      'WhatsApp: the customer sees the agent typing. It also marks their newest message as read, whatever the agent has seen.',
  })
  @IfPresent()
  @IsBoolean()
  typing?: boolean;

  @ApiPropertyOptional({
    type: Boolean,
    default: true,
    description: 'WhatsApp: what the customer has read becomes a read receipt at the desk.',
  })
  @IfPresent()
  @IsBoolean()
  readReceipts?: boolean;

  @ApiPropertyOptional({
    type: Boolean,
    default: false,
    description: "Customers' media is deleted at Twilio once the desk has it, or a bot from us.",
  })
  @IfPresent()
  @IsBoolean()
  deleteMedia?: boolean;

  @ApiPropertyOptional({
    type: String,
    enum: PARTS_WAIT_FOR,
    default: 'submitted',
    description: 'How far a part of a message must have come before the next one is sent.',
  })
  @IfPresent()
  @IsIn(PARTS_WAIT_FOR)
  partsWaitFor?: (typeof PARTS_WAIT_FOR)[number];

  @ApiPropertyOptional({
    type: () => TemplateBody,
    description:
      "WhatsApp: sent once when an agent writes while the customer's reply window is closed. Absent: nothing is sent, the agent is told at once.",
  })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => TemplateBody)
  windowTemplate?: TemplateBody;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string', pattern: CONTENT_SID.source },
    example: { appointment: 'HX0123456789abcdef0123456789abcdef' },
    description:
      'What agents can send by `/template <name> 1=Monday 2="at nine"`: content templates by names.',
  })
  @IfPresent()
  @IsTextByName(200, 34, CONTENT_SID)
  templates?: Record<string, string>;

  @ApiPropertyOptional({
    type: Boolean,
    default: true,
    description: 'SMS: Twilio may put plain characters in the place of typographic ones, for fewer segments.',
  })
  @IfPresent()
  @IsBoolean()
  smartEncoding?: boolean;

  @ApiPropertyOptional({
    type: String,
    maxLength: 255,
    description:
      "The script of the contact centre that conversations begin with, instead of the number's queue; a hand-off's own queue or script, and the queue of a conversation that goes on, outrank it.",
  })
  @IfPresent()
  @IsPlainText(255)
  scriptId?: string;

  @ApiPropertyOptional({ type: NumberUserBody })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => NumberUserBody)
  user?: NumberUserBody;

  @ApiPropertyOptional({
    type: Boolean,
    default: false,
    description:
      'Agents are looked for who speak the language in which the customer writes, where it can be told for certain. What is set for the customer outranks it.',
  })
  @IfPresent()
  @IsBoolean()
  detectLanguage?: boolean;

  @ApiPropertyOptional({ type: DirectoryBody })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => DirectoryBody)
  directory?: DirectoryBody;

  @ApiPropertyOptional({ type: () => OpeningHoursBody, description: 'Absent: open at any time.' })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => OpeningHoursBody)
  openingHours?: OpeningHoursBody;

  @ApiPropertyOptional({ type: () => WaitingBody, description: 'Absent: nothing is done.' })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => WaitingBody)
  waiting?: WaitingBody;

  @ApiPropertyOptional({
    type: String,
    enum: MODES,
    default: 'direct',
    description: '`bot`: customers are heard by the bot until it hands them over. It needs `bot`.',
  })
  @IfPresent()
  @IsIn(MODES)
  @NeedsBot()
  mode?: (typeof MODES)[number];

  @ApiPropertyOptional({ type: BotBody })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => BotBody)
  bot?: BotBody;
}

function NeedsBot(): PropertyDecorator {
  return ValidateBy(
    {
      name: 'needsBot',
      validator: {
        validate: (value, args) =>
          value !== 'bot' || (args?.object as { bot?: unknown } | undefined)?.bot !== undefined,
      },
    },
    { message: '$property bot needs settings.bot.url' },
  );
}
