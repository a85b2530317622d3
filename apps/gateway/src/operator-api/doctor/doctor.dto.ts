import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { CHECK_STATUSES, type Check, type CheckStatus } from './check.js';

@ApiSchema({ name: 'DoctorCheck' })
export class CheckResource {
  @ApiProperty({ type: String, example: 'chat-gateway-key', description: 'For programs.' })
  name!: string;

  @ApiProperty({ type: String, example: 'Chat Gateway key', description: 'What was looked at.' })
  subject!: string;

  @ApiProperty({
    type: String,
    enum: CHECK_STATUSES,
    description:
      '`warn`: it works, and something should be known or done; `skipped`: another check has to be right first.',
  })
  status!: CheckStatus;

  @ApiProperty({ type: String, description: 'What was found, in one sentence.' })
  finding!: string;

  @ApiPropertyOptional({ type: String, description: 'What to do about it.' })
  remedy?: string;

  @ApiPropertyOptional({ type: String, format: 'uuid', description: 'Where it is about one number.' })
  numberId?: string;
}

@ApiSchema({ name: 'Doctor' })
export class DoctorResource {
  @ApiProperty({ type: Boolean, description: 'No check fails.' })
  healthy!: boolean;

  @ApiProperty({ type: [CheckResource] })
  checks!: CheckResource[];
}

export function showChecks(checks: Check[]): DoctorResource {
  return { healthy: checks.every(({ status }) => status !== 'fail'), checks };
}
