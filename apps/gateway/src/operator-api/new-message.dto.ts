import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayNotEmpty,
  IsArray,
  IsIn,
  IsObject,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import type { Attachment, Card, MessageContent } from '#core';
import { ProblemException } from '#platform';
import { TemplateBody } from './number-settings.dto.js';
import { IfPresent, IsHttpUrl, IsId, IsPlainObject, IsPlainText } from './validation.js';

/** Longer texts go out in parts; this is far beyond what anybody reads on a phone. */
const MAX_TEXT_LENGTH = 16_000;

const MAX_FILES = 10;
const MAX_CARDS = 10;
const MAX_CARD_LENGTH = 50_000;
const NEW_CONTENT_TYPES = ['text', 'attachments', 'card'] as const;

@ApiSchema({ name: 'NewAttachment' })
export class AttachmentBody {
  @ApiProperty({
    type: String,
    description: 'Where it is fetched from: a public address, without credentials.',
  })
  @IsHttpUrl()
  url!: string;

  @ApiPropertyOptional({ type: String, maxLength: 255 })
  @IfPresent()
  @IsPlainText(255)
  filename?: string;

  @ApiPropertyOptional({ type: String, maxLength: 255, example: 'image/png' })
  @IfPresent()
  @IsPlainText(255)
  contentType?: string;
}

@ApiSchema({ name: 'NewCard' })
export class CardBody {
  @ApiPropertyOptional({
    type: String,
    example: 'application/8x8.quick.replies',
    description: 'As the Chat Gateway names them; absent: an Adaptive Card.',
  })
  @IfPresent()
  @IsPlainText(255)
  contentType?: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    example: { options: [{ title: 'Yes', data: { postback: 'yes' } }] },
  })
  @IsPlainObject(MAX_CARD_LENGTH)
  content!: object;
}

/** What carries files and cards. */
export class CarriesBody {
  @ApiPropertyOptional({ type: [AttachmentBody], maxItems: MAX_FILES })
  @IfPresent()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(MAX_FILES)
  @ValidateNested({ each: true })
  @Type(() => AttachmentBody)
  attachments?: AttachmentBody[];

  @ApiPropertyOptional({ type: [CardBody], maxItems: MAX_CARDS })
  @IfPresent()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(MAX_CARDS)
  @ValidateNested({ each: true })
  @Type(() => CardBody)
  cards?: CardBody[];
}

@ApiSchema({
  name: 'NewContent',
  description:
    'A `text`; `attachments` with or without a text; a `card` with `cards`, with or without either.',
})
export class NewContentBody extends CarriesBody {
  @ApiProperty({ type: String, enum: NEW_CONTENT_TYPES })
  @IsIn(NEW_CONTENT_TYPES)
  type!: (typeof NEW_CONTENT_TYPES)[number];

  @ApiPropertyOptional({ type: String, maxLength: MAX_TEXT_LENGTH, description: 'Required where it is all.' })
  @ValidateIf(({ type, text }: NewContentBody) => text !== undefined || type === 'text')
  @IsPlainText(MAX_TEXT_LENGTH)
  text?: string;
}

@ApiSchema({ name: 'NewMessage', description: 'Exactly one of `content` and `template`.' })
export class NewMessageBody {
  @ApiProperty({
    type: String,
    format: 'uuid',
    description: 'The customer and the number that they wrote to.',
  })
  @IsId()
  threadId!: string;

  @ApiPropertyOptional({ type: NewContentBody })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => NewContentBody)
  content?: NewContentBody;

  @ApiPropertyOptional({ type: TemplateBody })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => TemplateBody)
  template?: TemplateBody;

  @ApiProperty({
    type: String,
    maxLength: 200,
    description: 'Names this message for good: nothing is sent twice under it.',
  })
  @IsPlainText(200)
  idempotencyKey!: string;
}

/** What the message carries. Throws a problem where the body says none, or two. */
export function contentOf({ content, template }: NewMessageBody): MessageContent {
  if (content && !template) return plainContent(content);
  if (template && !content) {
    const { contentSid, variables } = template;
    return { type: 'template', contentSid, ...(variables && { variables }) };
  }
  throw wrong('content', 'exactly one of content and template must be given');
}

function plainContent({ type, text, attachments, cards }: NewContentBody): MessageContent {
  if (type !== 'card' && cards) throw wrong('content.cards', 'cards go with type card only');
  if (type === 'text') {
    if (attachments) throw wrong('content.attachments', 'attachments do not go with type text');
    return { type, text: text ?? '' };
  }
  const said = text !== undefined && { text };
  const files = attachments?.map(fileOf);
  if (type === 'attachments') {
    if (!files) throw wrong('content.attachments', 'attachments must be given with type attachments');
    return { type, ...said, attachments: files };
  }
  if (!cards) throw wrong('content.cards', 'cards must be given with type card');
  return { type, ...said, cards: cards.map(cardOf), ...(files && { attachments: files }) };
}

export function fileOf({ url, filename, contentType }: AttachmentBody): Attachment {
  return {
    url,
    ...(filename !== undefined && { filename }),
    ...(contentType !== undefined && { contentType }),
  };
}

export function cardOf({ contentType, content }: CardBody): Card {
  return { ...(contentType !== undefined && { contentType }), content };
}

export function wrong(field: string, message: string): ProblemException {
  return new ProblemException(400, {
    detail: 'Some fields are not as they should be.',
    errors: [{ field, message }],
  });
}
