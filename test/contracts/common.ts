import { inspect } from 'node:util';
import { expect } from 'vitest';
import {
  DeliveryError,
  type DeskCallContext,
  type NeutralEvent,
  type WebhookDoor,
  type WebhookRequest,
} from '#core';

/** Answers that leave open what became of a call. `-having-taken`: it took effect, and nobody can tell. `empty-answer`: a success
 * without anything in it. */
export const UNCLEAR = [
  'hangs',
  'hangs-having-taken',
  /** Never silent for long, and never done. */
  'drips-having-taken',
  'resets',
  'resets-having-taken',
  'fails',
  'fails-having-taken',
  'breaks-off-having-taken',
  'garbage-having-taken',
  'foreign-page',
  'empty-answer',
] as const;
export type Unclear = (typeof UNCLEAR)[number];

/** What a far side wishes that is asked too often. */
export const RETRY_AFTER_MS = 7_000;

export const TEXT = 'canary text of an agent';
/** Whose desks and events they are. */
export const TENANT_ID = 'default';
/** Long enough for a call on a busy machine. */
export const PATIENT: DeskCallContext = { tenantId: TENANT_ID, timeoutMs: 10_000 };
/** For calls that are never answered. Written at once, because the connection is there. */
export const IMPATIENT: DeskCallContext = { ...PATIENT, timeoutMs: 500 };

/** Patience for a call that goes so. */
export function contextOf(mood: string): DeskCallContext {
  return /^(hangs|drips)/.test(mood) ? IMPATIENT : PATIENT;
}

/** What a call failed with; it must be a {@link DeliveryError} that says nothing it should not. */
export async function failure(
  world: { secrets: readonly string[] },
  call: Promise<unknown>,
  ...private_: string[]
): Promise<DeliveryError> {
  const error: unknown = await call.then(
    (value) => {
      expect.fail(`the call succeeded: ${inspect(value)}`);
    },
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DeliveryError)) throw error;
  expect(error.code, 'the code').toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
  expect(error.kind === 'held', 'a hold, if and only if it is held').toBe(error.hold !== undefined);
  const everything = inspect(error, { depth: 12, showHidden: true });
  for (const word of [...world.secrets, TEXT, ...private_]) {
    expect(everything.includes(word), 'an error names a text, an address or a secret').toBe(false);
  }
  return error;
}

/** The one event of a request. */
export async function eventOf<K extends NeutralEvent['kind']>(
  door: WebhookDoor,
  request: WebhookRequest,
  kind: K,
): Promise<Extract<NeutralEvent, { kind: K }>> {
  const events = await door.receive(request);
  expect(
    events.map((event) => event.kind),
    'the events of one request',
  ).toEqual([kind]);
  return events[0] as Extract<NeutralEvent, { kind: K }>;
}

/** The same, where nothing in it can be changed. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}
