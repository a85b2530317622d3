import { applyDecorators, createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Actor } from '#persistence';
import { ProblemException } from '#platform';

export const OPERATOR_HEADER = 'X-Causeway-Operator';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** There is one key today. */
const KEY_NAME = 'admin-key';

/** Who makes this request, for the audit log. */
export const By = createParamDecorator((_: unknown, context: ExecutionContext): Actor => {
  const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined> }>();
  const operator = headers[OPERATOR_HEADER.toLowerCase()];
  if (operator === undefined) return { actor: KEY_NAME };
  if (NAME.test(operator)) return { actor: KEY_NAME, operator };
  const message = `${OPERATOR_HEADER} must be 1 to 64 letters, digits, dots, hyphens or underscores`;
  throw new ProblemException(400, {
    detail: 'A header is not as it should be.',
    errors: [{ field: OPERATOR_HEADER, message }],
  });
});

/** An operation that leaves a line in the audit log. */
export function Audited(): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: OPERATOR_HEADER,
      required: false,
      description: 'Who acts, for the audit log: a short name of your choice.',
      schema: { type: 'string', pattern: NAME.source },
    }),
  );
}
