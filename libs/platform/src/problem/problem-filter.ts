import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { Logger } from '../logging/logger.js';
import { createMasker } from '../logging/masker.js';
import { problem, PROBLEM_CONTENT_TYPE, ProblemException } from './problem.js';
import type { Problem } from './problem.js';

/** The part of Fastify's reply that an answer needs. */
interface Reply {
  sent: boolean;
  status(code: number): this;
  header(name: string, value: string): this;
  send(body: Buffer): unknown;
}

interface Request {
  method: string;
  url: string;
}

/** Turns an error of the application's own into a problem; undefined leaves it to the filter. */
export type TranslateError = (error: unknown) => Problem | undefined;

const maskNumbers = createMasker([]);

/** Answers every error as a problem (Fastify only). What is not the caller's doing is logged, and not explained. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly translate: TranslateError = () => undefined,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const reply = http.getResponse<Reply>();
    // The query may hold phone numbers (`?address=`), and so may a path that nobody serves.
    const instance = maskNumbers(request.url.split('?', 1)[0] ?? '/');
    const body = { ...(this.translate(error) ?? problemOf(error)), instance };
    if (body.status >= 500) {
      this.logger.error({ err: error, method: request.method, path: instance }, 'A request failed.');
    }
    if (reply.sent) return;
    if (body.status === 401) reply.header('www-authenticate', 'Bearer');
    // Sent as bytes: Fastify serializes nothing and adds no charset, which this type does not have.
    reply
      .status(body.status)
      .header('content-type', PROBLEM_CONTENT_TYPE)
      .send(Buffer.from(JSON.stringify(body)));
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof ProblemException) return error.problem;
  if (error instanceof HttpException) return problem(error.getStatus(), ownWords(error));
  // Fastify's own refusals (too large, no JSON) are plain errors with a status.
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  return problem(status >= 400 && status < 500 ? status : 500);
}

/** Nest's words, where they are safe: those of an unknown route repeat the URL, a server's error explains nothing. */
function ownWords(error: HttpException): { detail?: string; errors?: Problem['errors'] & object } {
  const response = error.getResponse();
  const message = typeof response === 'object' && 'message' in response ? response.message : response;
  if (error.getStatus() >= 500) return {};
  if (Array.isArray(message)) {
    // A ValidationPipe without `validationProblem`: each line begins with its field.
    return {
      errors: message.map(String).map((line) => ({ field: line.split(' ', 1)[0] ?? '', message: line })),
    };
  }
  if (typeof message !== 'string' || /^Cannot [A-Z]+ \//.test(message)) return {};
  return { detail: maskNumbers(message) };
}
