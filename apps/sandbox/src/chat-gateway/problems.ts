import { randomBytes } from 'node:crypto';
import { type Answer, answer } from '../common/http.js';

const PROBLEM = 'application/problem+json';

/** One refused field of a request. */
export interface Validation {
  field: string;
  value: string;
  code: string;
  message: string;
}

/** `errors` as an array of objects; `validations` where fields are to blame. */
export function generalError(
  status: number,
  code: string,
  message: string,
  validations?: Validation[],
): Answer {
  return answer(status, PROBLEM, {
    message,
    errors: [{ code, message }],
    ...(validations === undefined ? {} : { validations }),
  });
}

export function invalidField(field: string, value: unknown, code: string, message: string): Answer {
  const shown = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return generalError(400, code, message, [{ field, value: shown, code, message }]);
}

/** 401, as a missing or wrong key is answered. */
export function accessDenied(): Answer {
  return answer(401, PROBLEM, {
    message: 'Access Denied',
    errors: [{ message: 'Access Denied', code: 'access_denied' }],
    referenceId: referenceId(),
  });
}

/** 403; `errors` is an array of strings here. */
export function wrongTenant(customerId: string): Answer {
  return answer(403, PROBLEM, {
    message: 'The tenant does not belong to customer.',
    errors: [`Header X-8x8-Tenant doesn't match tenant information for customerId=${customerId}`],
  });
}

/** 404; `errors` is an array of strings here, except below `typing`, `thinking` and `read-receipt`. */
export function notFound(type: string, id: string): Answer {
  const message = `Resource of type ${type} with id ${id} was not found.`;
  return answer(404, PROBLEM, { message, errors: [message] });
}

/** 404 with `errors` as an array of objects. */
export function entityNotFound(type: string, id: string): Answer {
  return answer(404, PROBLEM, {
    message: 'Resource not found',
    errors: [{ code: 'resource_not_found', message: `Entity of type ${type} with id ${id} was not found.` }],
  });
}

/** 400 of sending a message; `errors` is one object here. */
export function invalidMessage(message: string): Answer {
  return answer(400, PROBLEM, {
    message,
    errors: { code: 'invalid_json_object', message },
    referenceId: referenceId(),
  });
}

/** An injected status, in the shape that belongs to it. */
export function statusProblem(
  status: number,
  customerId: string,
  path: string,
  code?: number | string,
): Answer {
  if (status === 401) return accessDenied();
  if (status === 403) return wrongTenant(customerId);
  if (status === 404)
    return path.endsWith('/typing') ? entityNotFound('Conversation', '') : notFound('path', path);
  const name =
    status === 429 ? 'too_many_requests' : status === 503 ? 'service_unavailable' : 'internal_error';
  return generalError(status, code === undefined ? name : String(code), 'Internal error.');
}

function referenceId(): string {
  return randomBytes(8).toString('hex').slice(1);
}
