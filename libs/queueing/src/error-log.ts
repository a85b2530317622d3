import { Logger } from '@nestjs/common';

const QUIET_MS = 10_000;

/** Fields of a log line. Never texts, numbers or connection strings. */
export type LogFields = Record<string, string | number | boolean>;

/**
 * Says that something is wrong at most once per ten seconds and sentence: a queue that is away raises an error per
 * connection attempt and per command, and all of them say the same.
 */
export class ErrorLog {
  private readonly quiet = new Map<string, { until: number; swallowed: number }>();
  private readonly logger: Logger;

  constructor(
    context: string,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.logger = new Logger(context);
  }

  /** `sentence` is a constant; of `error` only its class and code are told, for messages may quote data. */
  error(sentence: string, error: unknown, fields: LogFields = {}): void {
    const now = this.now();
    const key = `${sentence}|${Object.values(fields).join('|')}`;
    const earlier = this.quiet.get(key);
    if (earlier && now < earlier.until) {
      earlier.swallowed += 1;
      return;
    }
    if (this.quiet.size > 100) this.quiet.clear();
    this.quiet.set(key, { until: now + QUIET_MS, swallowed: 0 });
    const repeated = earlier?.swallowed ? { swallowed: earlier.swallowed } : {};
    this.logger.error(sentence, { ...fields, ...describe(error), ...repeated });
  }

  warn(sentence: string, fields: LogFields = {}): void {
    this.logger.warn(sentence, fields);
  }

  info(sentence: string, fields: LogFields = {}): void {
    this.logger.log(sentence, fields);
  }
}

function describe(error: unknown): LogFields {
  if (!(error instanceof Error)) return { errorClass: typeof error };
  const { code } = error as NodeJS.ErrnoException;
  return { errorClass: error.name, ...(typeof code === 'string' && { errorCode: code }) };
}
