import { Injectable } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { catchError, type Observable } from 'rxjs';
import { isStorageAway } from '#persistence';
import { ProblemException } from '#platform';

/** What holds for every answer: it is not to be cached, and while Postgres is away it is a 503. */
@Injectable()
export class AnswersInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const reply = context.switchToHttp().getResponse<{ header(name: string, value: string): unknown }>();
    reply.header('cache-control', 'no-store');
    return next.handle().pipe(
      catchError((error: unknown) => {
        if (!isStorageAway(error)) throw error;
        reply.header('retry-after', '2');
        throw new ProblemException(503, { detail: 'The database cannot be reached now.' });
      }),
    );
  }
}
