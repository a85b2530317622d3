import { languageOf } from '../chat-gateway/languages.js';
import { isRecord } from '../common/http.js';
import type { CustomerProperty, CustomerView } from './state.js';

const FIELDS = ['name', 'phone', 'email', 'company', 'caseId', 'userId'] as const;
/** What the bridge adds so that it knows its own creates again. */
const OF_BRIDGE = /^causeway-/;

/** A conversation's `user`: the fields that the desk knows, then every other property in its order, spaces and all. */
export function showCustomer(user: Record<string, unknown>): CustomerView {
  const { additionalProperties, ...rest } = user;
  const known: readonly string[] = [...FIELDS, 'language'];
  const others = Object.entries(rest).flatMap(([key, value]) =>
    known.includes(key) || typeof value !== 'string' ? [] : [property(key, value)],
  );
  const additional = (Array.isArray(additionalProperties) ? additionalProperties : []).flatMap(
    (one: unknown) =>
      isRecord(one) && typeof one['key'] === 'string' ? [property(one['key'], String(one['value']))] : [],
  );
  return {
    ...Object.fromEntries(
      FIELDS.flatMap((field) => {
        const value = user[field];
        return typeof value === 'string' && value !== '' ? [[field, value]] : [];
      }),
    ),
    language: languageOf(user),
    properties: [...others, ...additional],
  };
}

function property(key: string, value: string): CustomerProperty {
  return { key, value, ...(OF_BRIDGE.test(key) && { ofBridge: true as const }) };
}
