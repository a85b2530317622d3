import { isRecord } from '../common/http.js';

/**
 * The fields of a form that a resource has, by their name there: `SmsUrl` is `sms_url`. Undefined when a URL is none; fields that the
 * simulator does not keep are left out.
 */
export function formChanges(body: string, resource: object): Record<string, unknown> | undefined {
  const changes: Record<string, unknown> = {};
  for (const [name, value] of new URLSearchParams(body)) {
    const key = name.replaceAll(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
    const current: unknown = Object.entries(resource).find(([field]) => field === key)?.[1];
    if (current === undefined) continue;
    if (isUrlField(key) && !isUrlOrEmpty(value)) return undefined;
    changes[key] = typeof current === 'boolean' ? value === 'true' : value;
  }
  return changes;
}

/** The `webhook` of a JSON body; undefined when it is none, or names what is no URL. */
export function jsonWebhook(body: string, current: object): Record<string, string> | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  const webhook = isRecord(parsed) ? (parsed['webhook'] ?? {}) : undefined;
  if (!isRecord(webhook)) return undefined;
  const changes: Record<string, string> = {};
  for (const [key, value] of Object.entries(webhook)) {
    if (!(key in current) || typeof value !== 'string') return undefined;
    if (isUrlField(key) && !isUrlOrEmpty(value)) return undefined;
    changes[key] = value;
  }
  return changes;
}

function isUrlField(key: string): boolean {
  return key.endsWith('_url') || key === 'status_callback';
}

function isUrlOrEmpty(text: string): boolean {
  return text === '' || /^https?:$/.test(URL.parse(text)?.protocol ?? '');
}
