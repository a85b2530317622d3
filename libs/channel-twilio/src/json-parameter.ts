export type JsonObject = Record<string, unknown>;

/** A parameter that holds a JSON object; an empty one where it holds anything else. */
export function jsonObject(json: string | undefined): JsonObject {
  if (json === undefined) return {};
  try {
    return objectOf(JSON.parse(json));
  } catch {
    return {};
  }
}

export function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** A member that is a text with something in it. Own members only. */
export function memberText(object: JsonObject, name: string): string | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}
