import { pino } from 'pino';
import type { Bindings, DestinationStream, Logger as PinoInstance } from 'pino';
import type { AnyConfiguration } from '../config/configuration.js';
import { secretValues } from '../config/read-configuration.js';
import type { Role } from '../config/variable.js';
import { createMasker } from './masker.js';
import { sanitize, sanitizeFields } from './sanitize.js';

/** `logger.info({ laneId }, 'The lane was claimed.')`: a constant sentence, data in fields. */
export type Logger = PinoInstance;

/**
 * One JSON object per line on standard output. Secrets, phone numbers and the fields of `sanitize.ts` never get there,
 * whoever wrote the line.
 */
export function createLogger(
  role: Role,
  configuration: AnyConfiguration,
  /** Instead of standard output. */
  destination?: DestinationStream,
): Logger {
  const mask = createMasker(secretValues(configuration));
  const options = {
    level: configuration.logLevel,
    base: { role, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    // Errors are described by `formatters.log`, before serializers see them.
    serializers: { err: (described: unknown) => described },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: object) => sanitizeFields(fields, mask),
    },
    hooks: {
      logMethod(this: Logger, args: unknown[], method: (...args: unknown[]) => void) {
        method.apply(this, safeArguments(args, mask));
      },
    },
  };
  const logger = destination ? pino(options, destination) : pino(options);
  // What a child is bound to passes no formatter. Children inherit from their parent, so this holds for theirs, too.
  const child = Reflect.get(logger, 'child') as Logger['child'];
  logger.child = function (this: Logger, bindings: Bindings, childOptions) {
    return Reflect.apply(child, this, [sanitizeFields(bindings, mask), childOptions]);
  } as typeof child;
  return logger;
}

/** The arguments of one log call with everything masked that `formatters.log` does not see: the sentence. */
function safeArguments([first, ...rest]: unknown[], mask: (text: string) => string): unknown[] {
  const others = rest.map((value) => sanitize(value, mask));
  if (others.length === 0) {
    // Without a sentence pino takes the error's message for one, unmasked.
    const error = first instanceof Error ? first : errorOf(first);
    if (error) return [first === error ? { err: error } : first, mask(error.message)];
  }
  return [
    first instanceof Error ? { err: first } : typeof first === 'string' ? mask(first) : first,
    ...others,
  ];
}

function errorOf(fields: unknown): Error | undefined {
  if (typeof fields !== 'object' || fields === null || !('err' in fields)) return undefined;
  return fields.err instanceof Error ? fields.err : undefined;
}
