import {
  languageOf,
  MAX_PROPERTIES,
  MAX_PROPERTY_KEY,
  MAX_PROPERTY_VALUE,
  MAX_USER_FIELD,
  type DeskUser,
} from '#core';

const FIELDS = ['name', 'userId', 'email', 'company', 'caseId'] as const;

/** The desk refuses what does not look like one, and with it the conversation. */
const EMAIL = /^[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+$/;

/** A directory's answer as a user; undefined where it is not what it may be. Fields that are absent or null say nothing. */
export function readDirectoryAnswer(body: Buffer): DeskUser | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  if (!isRecord(answer)) return undefined;
  const user: DeskUser = {};
  for (const field of FIELDS) {
    const value = answer[field] ?? undefined;
    if (value === undefined || value === '') continue;
    if (!isText(value, MAX_USER_FIELD)) return undefined;
    user[field] = value;
  }
  if (user.email !== undefined && !EMAIL.test(user.email)) return undefined;
  if ((answer['language'] ?? undefined) !== undefined) {
    const language = languageOf(answer['language']);
    if (language === undefined) return undefined;
    user.language = language;
  }
  const properties = answer['properties'] ?? {};
  if (!isRecord(properties)) return undefined;
  const entries = Object.entries(properties).filter(([, value]) => value !== '' && value !== null);
  if (entries.length > MAX_PROPERTIES) return undefined;
  const read = entries.flatMap(([key, value]) =>
    isText(key, MAX_PROPERTY_KEY) && isText(value, MAX_PROPERTY_VALUE) ? [{ key, value }] : [],
  );
  if (read.length < entries.length) return undefined;
  return { ...user, ...(read.length > 0 && { properties: read }) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown, maxLength: number): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= maxLength &&
    !value.includes('\0') &&
    value.isWellFormed()
  );
}
