import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, IsBoolean, IsIn, IsOptional, IsUUID, Matches } from 'class-validator';
import type { DeskDifference, DeskRemoval } from '#desk-chat-gateway';
import type { DeskState } from './desk-provisioning.js';
import { present } from './list.dto.js';
import { ACCOUNT_SID } from './numbers.dto.js';
import { ProvisioningDifferenceResource } from './provisioning.dto.js';
import { IfPresent, IsBusinessAddress, IsPlainText } from './validation.js';

const QUEUE = {
  type: String,
  description:
    'Where its conversations wait. Needed for a channel that is to be made, unless the number has one; moves a channel that has another.',
} as const;

/** As many ids as a URL holds everywhere. */
const MAX_BEFORE = 150;

export class DeskProvisioningQuery {
  @ApiPropertyOptional(QUEUE)
  @IfPresent()
  @IsPlainText(255)
  queueId?: string;
}

@ApiSchema({ name: 'DeskProvisioning' })
export class DeskProvisioningBody extends DeskProvisioningQuery {
  @ApiPropertyOptional({ type: Boolean, default: false, description: 'Compare, and change nothing.' })
  @IfPresent()
  @IsBoolean()
  dryRun?: boolean;
}

@ApiSchema({ name: 'DeskProvisioningOfAddress' })
export class AddressedProvisioningBody extends DeskProvisioningBody {
  @ApiProperty({
    type: String,
    example: '+15550100',
    description: 'E.164, `whatsapp:` + E.164, or a short code. It need not be here yet.',
  })
  @IsBusinessAddress()
  address!: string;

  @ApiPropertyOptional({
    type: String,
    pattern: ACCOUNT_SID.source,
    description: 'The Twilio account that owns it; the main one where it is absent.',
  })
  @IsOptional()
  @Matches(ACCOUNT_SID, { message: '$property must be the sid of a Twilio account (AC…)' })
  accountSid?: string | null;
}

export class DeskRemovalQuery {
  @ApiPropertyOptional({
    type: String,
    enum: ['true', 'false'],
    default: 'false',
    description: 'Say what would go, and change nothing.',
  })
  @IfPresent()
  @IsIn(['true', 'false'])
  dryRun?: 'true' | 'false';

  @ApiPropertyOptional({
    type: [String],
    format: 'uuid',
    maxItems: MAX_BEFORE,
    description: 'In a dry run: numbers that are to be taken away before this one, by id, comma-separated.',
  })
  @IfPresent()
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.split(',') : value))
  @IsUUID('all', { each: true })
  @ArrayMaxSize(MAX_BEFORE)
  before?: string[];
}

@ApiSchema({ name: 'DeskWebhook' })
export class DeskWebhookResource {
  @ApiPropertyOptional({ type: String, description: 'Absent: it is to be made.' })
  id?: string;

  @ApiProperty({ type: String, description: 'Where the Chat Gateway is to call us.' })
  uri!: string;
}

@ApiSchema({ name: 'DeskChannel' })
export class DeskChannelResource {
  @ApiPropertyOptional({ type: String, description: 'Absent: it is to be made.' })
  id?: string;

  @ApiProperty({ type: String })
  name!: string;

  @ApiProperty({ type: String })
  queueId!: string;
}

@ApiSchema({ name: 'NumberDeskProvisioning', description: 'How a number stands at the Chat Gateway.' })
export class DeskProvisioningResource {
  @ApiPropertyOptional({ type: String, format: 'uuid', description: 'Absent: the number is not here yet.' })
  numberId?: string;

  @ApiProperty({ type: DeskWebhookResource })
  webhook!: DeskWebhookResource;

  @ApiProperty({ type: DeskChannelResource })
  channel!: DeskChannelResource;

  @ApiProperty({
    type: String,
    description: "Where its conversations go: its own queue, else the channel's.",
  })
  queueId!: string;

  @ApiProperty({ type: [String], description: 'What an operator should know, in plain words.' })
  notes!: string[];

  @ApiProperty({
    type: [ProvisioningDifferenceResource],
    description: 'Empty: conversations can be made on it, and their events lead to us.',
  })
  differences!: ProvisioningDifferenceResource[];
}

@ApiSchema({ name: 'NumberDeskProvisioningResult' })
export class DeskProvisioningResultResource extends DeskProvisioningResource {
  @ApiProperty({ type: Boolean })
  dryRun!: boolean;

  @ApiProperty({ type: [ProvisioningDifferenceResource], description: 'What was changed, here and there.' })
  changed!: ProvisioningDifferenceResource[];
}

@ApiSchema({ name: 'NumberDeskRemoval' })
export class DeskRemovalResource {
  @ApiProperty({ type: Boolean })
  dryRun!: boolean;

  @ApiPropertyOptional({ type: String, description: 'The channel that goes. Absent: none.' })
  channelId?: string;

  @ApiPropertyOptional({ type: String, description: 'The webhook that goes. Absent: none.' })
  webhookId?: string;

  @ApiProperty({ type: [String], description: 'What stays, and why, in plain words.' })
  left!: string[];
}

export function showDeskProvisioning({
  numberId,
  plan: { webhook, channel },
  queueId,
  notes,
  differences,
}: DeskState): DeskProvisioningResource {
  return present<DeskProvisioningResource>({
    numberId,
    webhook: present<DeskWebhookResource>({ id: webhook.id, uri: webhook.uri }),
    channel: present<DeskChannelResource>({ id: channel.id, name: channel.name, queueId: channel.queueId }),
    queueId,
    notes,
    differences: differences.map(showDifference),
  });
}

export function showDeskProvisioningResult(
  state: DeskState & { changed: DeskDifference[] },
  dryRun: boolean,
): DeskProvisioningResultResource {
  return Object.assign(showDeskProvisioning(state), { dryRun, changed: state.changed.map(showDifference) });
}

export function showDeskRemoval(
  { channelId, webhookId, left }: DeskRemoval,
  dryRun: boolean,
): DeskRemovalResource {
  return present<DeskRemovalResource>({ dryRun, channelId, webhookId, left });
}

function showDifference(difference: DeskDifference): ProvisioningDifferenceResource {
  return present<ProvisioningDifferenceResource>(difference);
}
