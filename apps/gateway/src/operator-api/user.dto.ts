import { ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { LANGUAGES, MAX_PROPERTIES, MAX_USER_FIELD, type DeskUser, type Language } from '#core';
import { IfPresent, IsPlainText, IsProperties } from './validation.js';

const LANGUAGE_MESSAGE = `$property must be one of ${LANGUAGES.join(', ')}`;

/** One of the languages that the desk looks for agents in. */
export function IsDeskLanguage(): PropertyDecorator {
  return IsIn(LANGUAGES, { message: LANGUAGE_MESSAGE });
}

@ApiSchema({ name: 'User', description: 'A customer as agents are shown them.' })
export class UserBody {
  @ApiPropertyOptional({ type: String, maxLength: MAX_USER_FIELD })
  @IfPresent()
  @IsPlainText(MAX_USER_FIELD)
  name?: string;

  @ApiPropertyOptional({
    type: String,
    maxLength: MAX_USER_FIELD,
    description: "Matches a customer of the contact centre's own address book, and pops its screen.",
  })
  @IfPresent()
  @IsPlainText(MAX_USER_FIELD)
  userId?: string;

  @ApiPropertyOptional({
    type: String,
    maxLength: MAX_USER_FIELD,
    description: 'Shown as it is; an e-mail address can match a customer of an external CRM.',
  })
  @IfPresent()
  @IsPlainText(MAX_USER_FIELD)
  email?: string;

  @ApiPropertyOptional({ type: String, maxLength: MAX_USER_FIELD })
  @IfPresent()
  @IsPlainText(MAX_USER_FIELD)
  phone?: string;

  @ApiPropertyOptional({ type: String, maxLength: MAX_USER_FIELD })
  @IfPresent()
  @IsPlainText(MAX_USER_FIELD)
  company?: string;

  @ApiPropertyOptional({ type: String, maxLength: MAX_USER_FIELD })
  @IfPresent()
  @IsPlainText(MAX_USER_FIELD)
  caseId?: string;

  @ApiPropertyOptional({ type: String, enum: LANGUAGES })
  @IfPresent()
  @IsDeskLanguage()
  language?: Language;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    maxProperties: MAX_PROPERTIES,
    example: { Intent: 'balance' },
    description: 'Whatever else agents should see, by names.',
  })
  @IfPresent()
  @IsProperties()
  properties?: Record<string, string>;
}

/** The same as the desk's port has it. */
export function deskUser({ properties, ...user }: UserBody): DeskUser {
  const fields = Object.fromEntries(Object.entries(user).filter(([, value]) => value !== undefined));
  if (!properties) return fields;
  return { ...fields, properties: Object.entries(properties).map(([key, value]) => ({ key, value })) };
}
