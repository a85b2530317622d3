import { isRecord } from './http.js';

/** A control call that cannot be done: answered with `status` and `{ error }`. */
export class ControlError extends Error {
  override readonly name = 'ControlError';

  constructor(
    readonly status: 400 | 404 | 409,
    message: string,
  ) {
    super(message);
  }
}

/** The fields of a control call, read one by one with their type. */
export class ControlInput {
  constructor(
    readonly params: Record<string, string>,
    readonly query: URLSearchParams,
    readonly fields: Record<string, unknown>,
  ) {}

  text(name: string): string {
    const value = this.optionalText(name);
    if (value === undefined) throw new ControlError(400, `${name} is required`);
    return value;
  }

  optionalText(name: string): string | undefined {
    const value = this.fields[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    throw new ControlError(400, `${name} must be a string`);
  }

  optionalNumber(name: string): number | undefined {
    const value = this.fields[name];
    if (value === undefined || value === null || value === '') return undefined;
    const number = Number(value);
    if (Number.isFinite(number)) return number;
    throw new ControlError(400, `${name} must be a number`);
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.fields[name];
    if (value === undefined || value === null) return fallback;
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    throw new ControlError(400, `${name} must be true or false`);
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[], fallback?: T): T {
    const value = this.optionalText(name) ?? fallback;
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw new ControlError(400, `${name} must be one of ${allowed.join(', ')}`);
    return found;
  }

  /** A list of strings; of a form they stand between commas. */
  optionalTexts(name: string): string[] | undefined {
    const value = this.fields[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value.split(',').filter((one) => one !== '');
    if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
    throw new ControlError(400, `${name} must be a list of strings`);
  }

  /** A list of objects, empty when there is none. */
  records(name: string): Record<string, unknown>[] {
    const value = this.fields[name] ?? [];
    if (Array.isArray(value) && value.every(isRecord)) return value;
    throw new ControlError(400, `${name} must be a list of objects`);
  }

  optionalRecord(name: string): Record<string, unknown> | undefined {
    const value = this.fields[name];
    if (value === undefined || value === null) return undefined;
    if (isRecord(value)) return value;
    throw new ControlError(400, `${name} must be an object`);
  }
}

/** A file in a control call: `{ contentType, fileName?, base64 }`. */
export function fileIn(fields: Record<string, unknown>): {
  contentType: string;
  fileName: string;
  bytes: Buffer;
} {
  const { contentType, fileName = 'file', base64 } = fields;
  if (typeof contentType !== 'string' || typeof fileName !== 'string' || typeof base64 !== 'string') {
    throw new ControlError(400, 'a file needs contentType and base64');
  }
  return { contentType, fileName, bytes: Buffer.from(base64, 'base64') };
}

/** The body of a control call: JSON when it starts like an object (whatever its content type says), else form fields. */
export function parseControlBody(body: string): Record<string, unknown> {
  if (body.trim() === '') return {};
  if (!body.trimStart().startsWith('{')) return Object.fromEntries(new URLSearchParams(body));
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new ControlError(400, 'the body is not JSON');
  }
  return isRecord(parsed) ? parsed : {};
}

/**
 * The changed settings: every key must exist already and keep its type (`null` aside), so that a misspelt setting fails
 * the call instead of a test much later.
 */
export function changedSettings<T extends object>(settings: T, changes: Record<string, unknown>): T {
  for (const [key, value] of Object.entries(changes)) {
    const current: unknown = Object.entries(settings).find(([name]) => name === key)?.[1];
    if (current === undefined) throw new ControlError(400, `no setting is called ${key}`);
    if (typeof current !== typeof value) throw new ControlError(400, `${key} must be a ${typeof current}`);
  }
  return { ...settings, ...changes };
}
