import { DeliveryError } from '../delivery-error.js';

/** A call that is about to be made to a provider. */
export interface ProviderCall {
  provider: 'channel' | 'desk' | 'bot';
  tenantId: string;
  /** A `signal` is worth less than any message: it takes no rate, and says nothing of the provider's health. */
  kind: 'send' | 'create' | 'look-up' | 'end' | 'hand-back' | 'signal';
  /** The business number that it is made for; absent where it concerns none. */
  number?: CallingNumber;
  /** Of the channel's provider, where the number does not say it. */
  account?: string;
  /** Of a bot: each is a provider of its own. */
  botUrl?: string;
}

export interface CallingNumber {
  id: string;
  address: string;
  /** The account whose calls are limited together. */
  account: string;
  /** What the operator allows this number; absent: the channel's default. */
  messagesPerSecond?: number;
}

/** One call may be made. The first word about it counts. */
export interface Permit {
  /** The call came to its end: with nothing, or with what the adapter threw. */
  end(error?: unknown): void;
  /** No call was made after all. */
  unused(): void;
}

/**
 * Why a call must wait. `breaker`: the provider fails too often; `credentials`: it refuses our credentials; `rate`: the
 * number has sent as much as it may; `concurrency`: enough calls are under way.
 */
export type RefusalReason = 'breaker' | 'credentials' | 'rate' | 'concurrency';

export interface Refusal {
  why: RefusalReason;
  /** When to ask again, from now. */
  waitMs: number;
}

/** Stands before every call to a provider: what is refused here never leaves, and the lane waits without a slot. */
export abstract class ProviderGate {
  abstract enter(call: ProviderCall): Promise<Permit | Refusal>;
}

export function isRefusal(answer: Permit | Refusal): answer is Refusal {
  return 'waitMs' in answer;
}

/** The intent of the call that a permit is for; where there is none, no call is made and the permit goes back. */
export async function intended(permit: Permit, intent: Promise<boolean>): Promise<boolean> {
  let held = false;
  try {
    held = await intent;
  } finally {
    if (!held) permit.unused();
  }
  return held;
}

/** Makes the call that a permit is for, and tells the gate how it ended. */
export async function callThrough<T>(permit: Permit, call: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await call();
  } catch (error) {
    permit.end(error);
    throw error;
  }
  permit.end();
  return result;
}

/**
 * The same for a call that opens a file. Files often lie elsewhere: one that cannot be had without the provider's own answer,
 * which has a status, says nothing of the provider.
 */
export async function openThrough<T>(permit: Permit, open: () => Promise<T>): Promise<T> {
  let file: T;
  try {
    file = await open();
  } catch (error) {
    if (error instanceof DeliveryError && error.httpStatus === undefined) permit.unused();
    else permit.end(error);
    throw error;
  }
  permit.end();
  return file;
}
