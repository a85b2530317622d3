import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsObject, IsOptional, Matches, ValidateNested } from 'class-validator';
import { LANGUAGES, type Language } from '#core';
import type { BusinessNumber } from '#persistence';
import { ListResource, present, TenantListQuery } from './list.dto.js';
import { IsDeskLanguage } from './user.dto.js';
import { IfPresent, IsBusinessAddress, IsPlainText } from './validation.js';
import { NumberSettingsBody } from './number-settings.dto.js';

const SERVICE_SID = /^MG[0-9A-Za-z]{1,64}$/;
export const ACCOUNT_SID = /^AC[0-9A-Za-z]{1,64}$/;

/** What can be said of a number when it is made and later. */
class NumberFields {
  @ApiPropertyOptional({ type: String, nullable: true, description: 'How operators call it.' })
  @IsOptional()
  @IsPlainText(200)
  displayName?: string | null;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    pattern: SERVICE_SID.source,
    description: 'Answers are sent through this Messaging Service; its other addresses lead here, too.',
  })
  @IsOptional()
  @Matches(SERVICE_SID, { message: '$property must be the sid of a Messaging Service (MG…)' })
  messagingServiceSid?: string | null;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    description:
      'The webhook of that channel, where it was made by hand: conversations go back to it after the agent.',
  })
  @IsOptional()
  @IsPlainText(255)
  chatGatewayWebhookId?: string | null;

  @ApiPropertyOptional({ type: String, nullable: true, description: 'Queue for new conversations.' })
  @IsOptional()
  @IsPlainText(255)
  queueId?: string | null;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    enum: LANGUAGES,
    example: 'en',
    description:
      'Language of its customers: agents who speak it are looked for. A region is taken as its language: `en-US` as `en`.',
  })
  @IsOptional()
  @IsDeskLanguage()
  language?: Language | null;

  @ApiPropertyOptional({ type: NumberSettingsBody, description: 'Replaced whole.' })
  @IfPresent()
  @IsObject()
  @ValidateNested()
  @Type(() => NumberSettingsBody)
  settings?: NumberSettingsBody;
}

export class NumbersQuery extends TenantListQuery {}

@ApiSchema({ name: 'NewNumber' })
export class NewNumberBody extends NumberFields {
  @ApiProperty({
    type: String,
    example: '+15550100',
    description: 'E.164, `whatsapp:` + E.164, or a short code.',
  })
  @IsBusinessAddress()
  address!: string;

  @ApiProperty({ type: String, description: 'The Chat Gateway channel that its conversations are made on.' })
  @IsPlainText(255)
  chatGatewayChannelId!: string;

  @ApiPropertyOptional({
    type: String,
    pattern: ACCOUNT_SID.source,
    description:
      'The Twilio account that owns it; the main one where it is absent, or a sub-account this service is configured for.',
  })
  @IsOptional()
  @Matches(ACCOUNT_SID, { message: '$property must be the sid of a Twilio account (AC…)' })
  accountSid?: string | null;
}

@ApiSchema({ name: 'NumberChanges', description: 'Absent fields stay as they are; null takes a field away.' })
export class NumberChangesBody extends NumberFields {
  @ApiPropertyOptional({ type: String })
  @IfPresent()
  @IsPlainText(255)
  chatGatewayChannelId?: string;
}

@ApiSchema({ name: 'Number', description: 'One of our addresses on a channel.' })
export class NumberResource {
  @ApiProperty({ type: String, format: 'uuid' })
  id!: string;

  @ApiProperty({ type: String, example: 'default' })
  tenantId!: string;

  @ApiProperty({ type: String, example: '+15550100' })
  address!: string;

  @ApiProperty({ type: String, enum: ['sms', 'whatsapp'] })
  channel!: 'sms' | 'whatsapp';

  @ApiProperty({
    type: String,
    enum: ['configured', 'unconfigured'],
    description: '`unconfigured`: customers have written to it; their messages wait until it is configured.',
  })
  state!: 'configured' | 'unconfigured';

  @ApiPropertyOptional({ type: String })
  displayName?: string;

  @ApiProperty({ type: String })
  accountSid!: string;

  @ApiPropertyOptional({ type: String })
  messagingServiceSid?: string;

  @ApiPropertyOptional({ type: String, description: 'Absent only while unconfigured.' })
  chatGatewayChannelId?: string;

  @ApiPropertyOptional({ type: String, description: 'The webhook of that channel, as far as it is known.' })
  chatGatewayWebhookId?: string;

  @ApiPropertyOptional({ type: String })
  queueId?: string;

  @ApiPropertyOptional({ type: String })
  language?: string;

  @ApiProperty({ type: NumberSettingsBody })
  settings!: NumberSettingsBody;
}

@ApiSchema({ name: 'NumberList' })
export class NumberListResource extends ListResource {
  @ApiProperty({ type: [NumberResource] })
  items!: NumberResource[];
}

export function showNumber(number: BusinessNumber): NumberResource {
  return present<NumberResource>({
    id: number.id,
    tenantId: number.tenantId,
    address: number.address,
    channel: number.channel,
    state: number.state,
    displayName: number.displayName,
    accountSid: number.accountSid,
    messagingServiceSid: number.messagingServiceSid,
    chatGatewayChannelId: number.chatGatewayChannelId,
    chatGatewayWebhookId: number.chatGatewayWebhookId,
    queueId: number.queueId,
    language: number.language,
    settings: number.settings,
  });
}
