import type { LoggerService } from '@nestjs/common';
import type { Logger } from './logger.js';

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** Nest's log lines through ours. Nest passes the context as the last argument, and for errors the stack before it. */
export class PinoLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  /** Nest tells of every module and route it makes: worth reading only when something is wrong with them. */
  log(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  private write(level: Level, message: unknown, rest: unknown[]): void {
    const context = typeof rest.at(-1) === 'string' ? rest.at(-1) : undefined;
    const others = context === undefined ? rest : rest.slice(0, -1);
    const err = [message, ...others].find((value) => value instanceof Error);
    const stack = others.find((value) => typeof value === 'string' && value.includes('\n    at '));
    const data = others.filter((value) => isPlainObject(value));
    const fields = {
      ...Object.assign({}, ...data),
      ...(context === undefined ? {} : { context }),
      ...(err ? { err } : {}),
      ...(stack === undefined ? {} : { stack }),
      ...(message !== null && typeof message === 'object' && !err ? { data: message } : {}),
    };
    this.logger[level](
      fields,
      typeof message === 'string' ? message : (err?.message ?? 'A message without words.'),
    );
  }
}

/** Fields that a caller passed after its sentence. */
function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
