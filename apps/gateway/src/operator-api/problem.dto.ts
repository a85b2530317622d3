import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';

@ApiSchema({ name: 'FieldProblem' })
class FieldProblemResource {
  @ApiProperty({ type: String, example: 'settings.customerSilentMinutes' })
  field!: string;

  @ApiProperty({ type: String })
  message!: string;
}

/** The body of every error, as documented. Source: RFC 9457. */
@ApiSchema({ name: 'Problem', description: 'What went wrong. RFC 9457.' })
export class ProblemResource {
  @ApiProperty({ type: String, example: 'about:blank' })
  type!: string;

  @ApiProperty({ type: String, example: 'Conflict' })
  title!: string;

  @ApiProperty({ type: Number, example: 409 })
  status!: number;

  @ApiPropertyOptional({ type: String })
  detail?: string;

  @ApiPropertyOptional({ type: String, description: "The request's path." })
  instance?: string;

  @ApiPropertyOptional({ type: [FieldProblemResource], description: 'Which fields are wrong, and how.' })
  errors?: FieldProblemResource[];
}
