import { createHash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { ProblemException } from '#platform';
import { OPERATOR_API_OPTIONS, type OperatorApiOptions } from './options.js';

/** Lets in who carries the operators' key. Answers 401 otherwise, before anything of the request is looked at. */
@Injectable()
export class BearerKeyGuard implements CanActivate {
  private readonly expected: Buffer;

  constructor(@Inject(OPERATOR_API_OPTIONS) options: OperatorApiOptions) {
    this.expected = digest(options.apiKey);
  }

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: { authorization?: string } }>();
    const [, key] = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
    // Digests have one length, so the comparison takes one time whatever was sent.
    if (key !== undefined && timingSafeEqual(digest(key), this.expected)) return true;
    throw new ProblemException(401, { detail: 'This needs the key of the operator API as a bearer token.' });
  }
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
