import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import type { TargetKind, WebhookDifference } from '#channel-twilio';
import { present } from './list.dto.js';
import type { ProvisioningState } from './number-provisioning.js';
import { IfPresent } from './validation.js';

const TARGET_KINDS: TargetKind[] = ['number', 'short-code', 'service', 'sender'];

@ApiSchema({ name: 'Provisioning' })
export class ProvisioningBody {
  @ApiPropertyOptional({ type: Boolean, default: false, description: 'Compare, and change nothing.' })
  @IfPresent()
  @IsBoolean()
  dryRun?: boolean;
}

@ApiSchema({ name: 'ProvisioningDifference' })
export class ProvisioningDifferenceResource {
  @ApiProperty({ type: String, example: 'sms_url', description: "By its name in Twilio's API." })
  field!: string;

  @ApiPropertyOptional({ type: String, description: 'Absent: nothing stands there.' })
  is?: string;

  @ApiPropertyOptional({ type: String, description: 'Absent: nothing should stand there.' })
  shouldBe?: string;
}

@ApiSchema({ name: 'ProvisioningTarget', description: 'The resource that decides where its messages go.' })
export class ProvisioningTargetResource {
  @ApiProperty({ type: String, enum: TARGET_KINDS })
  kind!: TargetKind;

  @ApiProperty({ type: String })
  sid!: string;
}

@ApiSchema({ name: 'ProvisioningDrift' })
export class ProvisioningDriftResource {
  @ApiProperty({ type: [ProvisioningDifferenceResource] })
  differences!: ProvisioningDifferenceResource[];

  @ApiPropertyOptional({
    type: String,
    enum: ['unknown-address', 'other-account', 'unsuitable-url'],
    description: 'Why it could not be compared.',
  })
  problem?: string;
}

@ApiSchema({ name: 'NumberProvisioning', description: 'How a number stands at Twilio.' })
export class ProvisioningResource {
  @ApiProperty({ type: ProvisioningTargetResource })
  target!: ProvisioningTargetResource;

  @ApiProperty({ type: [String], description: 'What an operator should know, in plain words.' })
  notes!: string[];

  @ApiProperty({ type: [ProvisioningDifferenceResource], description: 'Empty: it leads to this service.' })
  differences!: ProvisioningDifferenceResource[];

  @ApiPropertyOptional({
    type: String,
    format: 'date-time',
    description: 'When it was last pointed at this service from here. Absent: never, so it is not watched.',
  })
  provisionedAt?: string;

  @ApiPropertyOptional({
    type: Boolean,
    description: 'Whether PUBLIC_BASE_URL or TWILIO_FALLBACK_BASE_URL has changed since then.',
  })
  urlsChanged?: boolean;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'When it was last looked at.' })
  checkedAt?: string;

  @ApiPropertyOptional({
    type: ProvisioningDriftResource,
    description: 'What differed then. Absent: nothing.',
  })
  drift?: ProvisioningDriftResource;
}

@ApiSchema({ name: 'NumberProvisioningResult' })
export class ProvisioningResultResource extends ProvisioningResource {
  @ApiProperty({ type: Boolean })
  dryRun!: boolean;

  @ApiProperty({ type: [ProvisioningDifferenceResource], description: 'What was changed at Twilio.' })
  changed!: ProvisioningDifferenceResource[];
}

export function showProvisioning({
  plan,
  provisioned,
  urlsChanged,
}: ProvisioningState): ProvisioningResource {
  const drift = provisioned?.drift;
  return present<ProvisioningResource>({
    target: plan.target,
    notes: plan.notes,
    differences: plan.differences.map(showDifference),
    provisionedAt: provisioned?.provisionedAt.toISOString(),
    urlsChanged: provisioned && urlsChanged,
    checkedAt: provisioned?.checkedAt.toISOString(),
    drift:
      drift &&
      present<ProvisioningDriftResource>({
        differences: drift.differences.map(showDifference),
        problem: drift.problem,
      }),
  });
}

export function showProvisioningResult(
  state: ProvisioningState & { changed: WebhookDifference[] },
  dryRun: boolean,
): ProvisioningResultResource {
  return Object.assign(showProvisioning(state), { dryRun, changed: state.changed.map(showDifference) });
}

function showDifference(difference: WebhookDifference): ProvisioningDifferenceResource {
  return present<ProvisioningDifferenceResource>(difference);
}
