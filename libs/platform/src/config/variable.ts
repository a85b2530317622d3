import 'reflect-metadata';
import {
  IsIn,
  IsInt,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ArrayNotEmpty,
  ValidateBy,
  ValidateIf,
} from 'class-validator';

/** The programs that read the configuration. */
export type Role = 'gateway' | 'worker' | 'migrate' | 'launcher';

/** How the text of one variable becomes a value, and what that value must be. */
export interface Rule {
  /** Completes "NAME must be …". */
  shouldBe: string;
  parse: (text: string) => unknown;
  /** class-validator decorators, all applied to the parsed value. */
  validators: PropertyDecorator[];
  /** Of a value that has parts: which of them is wrong, by its path: `[0].id must be …`. Never shows what is there. */
  problem?: (value: unknown) => string | undefined;
  /** The secret texts of a value that holds others, too; every text where it is absent. */
  secretsOf?: (value: unknown) => string[];
}

export interface VariableOptions {
  description: string;
  /** Never echoed, always redacted from logs. */
  secret?: boolean;
  /** Written as it would stand in the environment; a function where it depends on the role or other variables. */
  default?: string | ((role: Role, environment: Environment) => string);
  /** How the default reads in documentation, where `default` is a function. */
  defaultText?: string;
  /** The roles that do not start without it. */
  requiredBy?: readonly Role[];
  rule: Rule;
}

/** One variable of the environment as the schema declares it. */
export interface Variable extends VariableOptions {
  /** `LANE_LEASE_MS` */
  name: string;
  /** `laneLeaseMs` */
  property: string;
  secret: boolean;
  requiredBy: readonly Role[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

const declared: Variable[] = [];

/** Every variable, in the order of declaration: the source of the README's table and of the redaction list. */
export const variables: readonly Variable[] = declared;

/** `laneLeaseMs` → `LANE_LEASE_MS`, so that property and variable can never drift apart. */
export function environmentName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** Declares one property of the configuration and the variable behind it. */
export function FromEnvironment(options: VariableOptions): PropertyDecorator {
  return (target, key) => {
    const property = String(key);
    declared.push({
      ...options,
      name: environmentName(property),
      property,
      secret: options.secret ?? false,
      requiredBy: options.requiredBy ?? [],
    });
    ValidateIf((_object, value) => value !== undefined)(target, key);
    for (const validator of options.rule.validators) validator(target, key);
  };
}

export function wholeNumber(limits: { min: number; max: number; of?: string }): Rule {
  const shouldBe = `a whole number${limits.of ? ` of ${limits.of}` : ''} between ${limits.min} and ${limits.max}`;
  return {
    shouldBe,
    // Number() alone would take '', '0x10' and '1e3'.
    parse: (text) => (/^\d+$/.test(text) ? Number(text) : Number.NaN),
    validators: [IsInt(), Min(limits.min), Max(limits.max)],
  };
}

/** `1,2,3` → `[1, 2, 3]`, none smaller than the one before. */
export function risingNumbers(limits: { min: number; max: number; of: string }): Rule {
  return {
    shouldBe: `whole numbers of ${limits.of} between ${limits.min} and ${limits.max}, separated by commas, none smaller than the one before`,
    parse: (text) => text.split(',').map((item) => (/^\d+$/.test(item.trim()) ? Number(item) : Number.NaN)),
    validators: [
      ArrayNotEmpty(),
      IsInt({ each: true }),
      Min(limits.min, { each: true }),
      Max(limits.max, { each: true }),
      ValidateBy({ name: 'isRising', validator: { validate: isRising } }),
    ],
  };
}

export function oneOf(values: readonly string[]): Rule {
  return { shouldBe: `one of ${values.join(', ')}`, parse: (text) => text, validators: [IsIn(values)] };
}

/** Text that can stand in an HTTP header: visible ASCII without spaces. */
export function token(shouldBe: string, limits: { pattern?: RegExp; minLength?: number } = {}): Rule {
  const pattern = limits.pattern ?? /^[\x21-\x7e]+$/;
  return {
    shouldBe,
    parse: (text) => text,
    validators: [Matches(pattern), MinLength(limits.minLength ?? 1), MaxLength(1000)],
  };
}

/** Of a directory; relative ones begin where the process was started. */
export function path(): Rule {
  return {
    shouldBe: 'a path',
    parse: (text) => text,
    validators: [Matches(/^[^\0]+$/), MaxLength(1000)],
  };
}

/** `a,b` → `['a', 'b']`; the first is the current one. */
export function tokenList(shouldBe: string, pattern = /^[\x21-\x7e]+$/): Rule {
  return {
    shouldBe,
    parse: listed,
    validators: [ArrayNotEmpty(), Matches(pattern, { each: true }), MaxLength(1000, { each: true })],
  };
}

/** What stands between commas. */
export function listed(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** `ACa:token,ACb:token|oldtoken` → `{ACa: ['token'], ACb: ['token', 'oldtoken']}`. */
export function tokensByAccount(shouldBe: string, account: RegExp): Rule {
  return {
    shouldBe,
    parse: (text) => {
      const entries = text
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== '')
        .map((entry): [string, string[]] => {
          const colonAt = entry.indexOf(':');
          return [entry.slice(0, Math.max(colonAt, 0)), entry.slice(colonAt + 1).split('|')];
        });
      const tokens = Object.fromEntries(entries);
      // Null is no value that any rule lets through: an account listed twice would lose tokens without a word.
      return entries.length > 0 && entries.length === Object.keys(tokens).length ? tokens : null;
    },
    validators: [
      ValidateBy({
        name: 'isTokensByAccount',
        validator: { validate: (value: unknown) => isTokensByAccount(value, account) },
      }),
    ],
  };
}

function isTokensByAccount(value: unknown, account: RegExp): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value as Record<string, string[]>).every(
    ([name, tokens]) => account.test(name) && tokens.every((each) => /^[\x21-\x7e]{1,1000}$/.test(each)),
  );
}

/** A URL with one of `protocols` (`http:`). Kept as written, but for slashes at the end. */
export function url(shouldBe: string, protocols: readonly string[], options: { bare: boolean }): Rule {
  return {
    shouldBe,
    parse: (text) => (options.bare ? text.replace(/\/+$/, '') : text),
    validators: [
      ValidateBy({
        name: 'isUrlOf',
        validator: { validate: (value: unknown) => isUrlOf(value, protocols, options.bare) },
      }),
    ],
  };
}

/** Where providers are reached, or reach us: paths are appended, so nothing may follow the path. */
export function httpUrl(): Rule {
  return url('an http(s) URL without user, query or fragment', ['http:', 'https:'], { bare: true });
}

function isRising(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((item, index) => index === 0 || Number(item) >= Number(value[index - 1]))
  );
}

function isUrlOf(value: unknown, protocols: readonly string[], bare: boolean): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const parsed = new URL(value);
  if (!protocols.includes(parsed.protocol) || !value.startsWith(`${parsed.protocol}//`)) return false;
  return !bare || (!/[?#\s]/.test(value) && parsed.hostname !== '' && !parsed.username && !parsed.password);
}
