import type { CreateReference } from '#core';
import { asArray, asObject } from './json.js';

/** The key of the additional property that carries a create's reference; agents can see it. */
export const REFERENCE_KEY = 'causeway-ref';

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const REFERENCE = new RegExp(`^(${UUID})\\.(${UUID})$`);

/** The additional property for a create: `{conversationId}.{attemptId}`, both UUIDs. */
export function referenceProperty(reference: CreateReference): { key: string; value: string } {
  return { key: REFERENCE_KEY, value: `${reference.conversationId}.${reference.attemptId}` };
}

/** Our reference in a `user` object of the far side, if it carries one. */
export function referenceOf(user: unknown): CreateReference | undefined {
  for (const property of asArray(asObject(user)['additionalProperties'])) {
    const { key, value } = asObject(property);
    const match = key === REFERENCE_KEY && typeof value === 'string' ? REFERENCE.exec(value) : null;
    const [, conversationId, attemptId] = match ?? [];
    if (conversationId !== undefined && attemptId !== undefined) return { conversationId, attemptId };
  }
  return undefined;
}
