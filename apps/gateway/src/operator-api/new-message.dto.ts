import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { Equals, IsObject, ValidateNested } from 'class-validator';
import type { MessageContent } from '#core';
import { ProblemException } from '#platform';
import { TemplateBody } from './numbers.dto.js';
import { IfPresent, IsId, IsPlainText } from './validation.js';

/** Longer texts go out in parts; this is far beyond what anybody reads on a phone. */
const MAX_TEXT_LENGTH = 16_000;

@ApiSchema({ name: 'NewContent' })
export class NewContentBody {
  @ApiProperty({ type: String, enum: ['text'] })
  @Equals('text')
  type!: 'text';

  @ApiProperty({ type: String, maxLength: MAX_TEXT_LENGTH })
  @IsPlainText(MAX_TEXT_LENGTH)
  text!: string;
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
  if (content && !template) return { type: 'text', text: content.text };
  if (template && !content) {
    const { contentSid, variables } = template;
    return { type: 'template', contentSid, ...(variables && { variables }) };
  }
  throw new ProblemException(400, {
    detail: 'Some fields are not as they should be.',
    errors: [{ field: 'content', message: 'exactly one of content and template must be given' }],
  });
}
