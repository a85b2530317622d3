import { ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn } from 'class-validator';
import { languageOf, LANGUAGES, MAX_PROPERTIES, MAX_USER_FIELD, type DeskUser, type Language } from '#core';
import { IfPresent, IsPlainText, IsProperties } from './validation.js';

const LANGUAGE_MESSAGE = `$property must be one of ${LANGUAGES.join(', ')}, or a region of one (en-US)`;

/** One of the languages that the desk looks for agents in; a region is taken as its language. */
export function IsDeskLanguage(): PropertyDecorator {
  const isKnown = IsIn(LANGUAGES, { message: LANGUAGE_MESSAGE });
  const asKnown = Transform(({ value }: { value: unknown }) => languageOf(value) ?? value);
  return (target, property) => {
    isKnown(target, property);
    asKnown(target, property);
  };
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

  @ApiPropertyOptional({
    type: String,
    enum: LANGUAGES,
    description: 'A region is taken as its language: `en-US` as `en`, `zh-Hant` as `zh-TW`.',
  })
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
