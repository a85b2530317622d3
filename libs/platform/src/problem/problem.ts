import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import type { ValidationError } from 'class-validator';

/** What is wrong with one field of a request: `settings.window`, in plain words, without the value. */
export interface FieldProblem {
  field: string;
  message: string;
}

/** The body of every error of the operator API. RFC 9457. */
export interface Problem {
  /** `about:blank`: the status says it all. */
  type: string;
  title: string;
  status: number;
  detail?: string;
  /** The path of the request, without its query. */
  instance?: string;
  errors?: FieldProblem[];
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** A problem without what is unknown, its title that of the status unless given. */
export function problem(status: number, rest: Partial<Omit<Problem, 'status'>> = {}): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, ...rest };
}

/** Thrown to answer a request with a problem; `detail` must carry no personal data. */
export class ProblemException extends HttpException {
  readonly problem: Problem;

  constructor(status: number, rest: Partial<Omit<Problem, 'status'>> = {}) {
    const body = problem(status, rest);
    super(body.detail ?? body.title, status);
    this.problem = body;
  }
}

/** For Nest's ValidationPipe: `new ValidationPipe({ exceptionFactory: validationProblem })`. */
export function validationProblem(errors: readonly ValidationError[]): ProblemException {
  return new ProblemException(400, {
    detail: 'Some fields are not as they should be.',
    errors: errors.flatMap((error) => fieldProblems(error, '')),
  });
}

function fieldProblems(error: ValidationError, parent: string): FieldProblem[] {
  const field = parent === '' ? error.property : `${parent}.${error.property}`;
  const own = Object.values(error.constraints ?? {}).map((message) => ({ field, message }));
  return [...own, ...(error.children ?? []).flatMap((child) => fieldProblems(child, field))];
}
