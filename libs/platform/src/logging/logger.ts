import { pino } from 'pino';
import type { DestinationStream, Logger as PinoInstance } from 'pino';
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
      bindings: (bindings: object) => sanitizeFields(bindings, mask),
      log: (fields: object) => sanitizeFields(fields, mask),
    },
    hooks: {
      logMethod(this: Logger, args: unknown[], method: (...args: unknown[]) => void) {
        method.apply(this, safeArguments(args, mask));
      },
    },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** The arguments of one log call with everything masked that `formatters.log` does not see: the sentence. */
function safeArguments([first, ...rest]: unknown[], mask: (text: string) => string): unknown[] {
  const others = rest.map((value) => sanitize(value, mask));
  // pino would take an error's message for the sentence.
  if (first instanceof Error)
    return [{ err: first }, ...(others.length > 0 ? others : [mask(first.message)])];
  return [typeof first === 'string' ? mask(first) : first, ...others];
}
