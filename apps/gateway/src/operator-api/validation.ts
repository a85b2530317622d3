import {
  Injectable,
  ValidationPipe,
  type ArgumentMetadata,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { ValidateBy, ValidateIf, type ValidationOptions } from 'class-validator';
import { ProblemException, validationProblem } from '#platform';
import { decodeCursor, isUuid } from './cursor.js';

export const YEAR_MINUTES = 366 * 24 * 60;

/** Checks a body or a query against `expected`; what is not declared there is refused, never dropped. */
export function validated(expected: Type<unknown>): PipeTransform {
  return new ObjectPipe({
    expectedType: expected,
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    exceptionFactory: validationProblem,
  });
}

/** The same for a body that may be left out. */
export function validatedIfAny(expected: Type<unknown>): PipeTransform {
  const pipe = validated(expected);
  return {
    transform: (value: unknown, metadata) =>
      pipe.transform(
        value === undefined || (Buffer.isBuffer(value) && value.length === 0) ? {} : value,
        metadata,
      ),
  };
}

class ObjectPipe extends ValidationPipe {
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    // What is not declared as JSON comes as bytes.
    if (Buffer.isBuffer(value) && value.length > 0) {
      throw new ProblemException(415, {
        detail: 'The body must be JSON, with content type application/json.',
      });
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value) || Buffer.isBuffer(value)) {
      throw new ProblemException(400, { detail: 'The body must be a JSON object.' });
    }
    // class-transformer leaves these two out without a word.
    const strange = ['__proto__', 'constructor'].find((name) => Object.hasOwn(value, name));
    if (strange !== undefined) {
      throw validationProblem([
        { property: strange, constraints: { whitelist: `property ${strange} should not exist` } },
      ]);
    }
    return super.transform(value, metadata);
  }
}

/** An id of a path. Nothing has an id that is none, so that is a 404 like any unknown one. */
@Injectable()
export class IdPipe implements PipeTransform<string, string> {
  transform(value: string): string {
    if (!isUuid(value)) throw notFound();
    return value.toLowerCase();
  }
}

export function notFound(): ProblemException {
  return new ProblemException(404, { detail: 'Nothing has this id.' });
}

/** Optional, but null is not a way to leave it out. */
export function IfPresent(): PropertyDecorator {
  return ValidateIf((_object, value) => value !== undefined);
}

function rule(name: string, message: string, validate: (value: unknown) => boolean): PropertyDecorator {
  const options: ValidationOptions = { message: `$property must be ${message}` };
  return ValidateBy({ name, validator: { validate } }, options);
}

/** Text that Postgres and UTF-8 can hold: no NUL, no half of a surrogate pair. Blanks are kept, whatever they are for. */
export function IsPlainText(maxLength: number): PropertyDecorator {
  return rule(
    'isPlainText',
    `a text of 1 to ${maxLength} characters without NUL`,
    (value) =>
      typeof value === 'string' &&
      value.length > 0 &&
      value.length <= maxLength &&
      !value.includes('\0') &&
      value.isWellFormed(),
  );
}

/** An object whose values are plain texts: at most so many, each at most so long, and of a form where one is given. */
export function IsTextByName(maxEntries: number, maxLength: number, form?: RegExp): PropertyDecorator {
  const isText = (text: unknown) =>
    typeof text === 'string' &&
    text.length <= maxLength &&
    (form?.test(text) ?? true) &&
    !text.includes('\0') &&
    text.isWellFormed();
  return rule(
    'isTextByName',
    `an object of at most ${maxEntries} texts ${form ? `like ${form.source}` : `of at most ${maxLength} characters`}`,
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.keys(value).length <= maxEntries &&
      Object.values(value).every(isText),
  );
}

export function IsIntegerBetween(min: number, max: number): PropertyDecorator {
  return rule(
    'isIntegerBetween',
    `a whole number from ${min} to ${max}`,
    (value) => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max,
  );
}

export function IsCursor(): PropertyDecorator {
  return rule('isCursor', 'a cursor as nextCursor gave it', (value) => decodeCursor(value) !== undefined);
}

export function IsId(): PropertyDecorator {
  return rule('isId', 'an id (a UUID)', isUuid);
}

/** ISO 8601 with a date, a time and its offset, of a year that Postgres and we write alike. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

export function IsInstant(): PropertyDecorator {
  return rule(
    'isInstant',
    'an instant (2026-01-31T12:00:00Z)',
    (value) => typeof value === 'string' && INSTANT.test(value) && !Number.isNaN(Date.parse(value)),
  );
}

/** One of our addresses: E.164 or a short code, with `whatsapp:` before it on that channel. */
export const BUSINESS_ADDRESS = /^(?:(?:whatsapp:)?\+[1-9]\d{6,14}|\d{3,6})$/;

export function IsBusinessAddress(): PropertyDecorator {
  return rule(
    'isBusinessAddress',
    'a phone number in E.164 form (+15550100), whatsapp: before one (whatsapp:+15550100), or a short code',
    (value) => typeof value === 'string' && BUSINESS_ADDRESS.test(value),
  );
}
