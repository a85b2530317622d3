import { STATUS_CODES } from 'node:http';
import { applyDecorators, Controller, UseGuards, UseInterceptors } from '@nestjs/common';
import { ApiBearerAuth, ApiExtraModels, ApiResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { PROBLEM_CONTENT_TYPE } from '#platform';
import { AnswersInterceptor } from './answers.interceptor.js';
import { BearerKeyGuard } from './bearer-key.guard.js';
import { ProblemResource } from './problem.dto.js';

/** A controller of the operator API at `/api/v1/{resource}`: behind the key, and documented as such. */
export function OperatorController(resource: string): ClassDecorator {
  return applyDecorators(
    Controller(`api/v1/${resource}`),
    UseGuards(BearerKeyGuard),
    UseInterceptors(AnswersInterceptor),
    ApiTags(resource),
    ApiBearerAuth(),
    ApiExtraModels(ProblemResource),
    ...[401, 503].map(problemResponse),
  );
}

/** The ways in which one operation can be refused; `descriptions` go by status. */
export function Problems(descriptions: Record<number, string>): MethodDecorator {
  return applyDecorators(
    ...Object.entries(descriptions).map(([status, description]) =>
      problemResponse(Number(status), description),
    ),
  );
}

function problemResponse(status: number, description: unknown): MethodDecorator & ClassDecorator {
  return ApiResponse({
    status,
    description: typeof description === 'string' ? description : (STATUS_CODES[status] ?? ''),
    content: { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: getSchemaPath(ProblemResource) } } },
  });
}
