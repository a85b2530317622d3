import { setTimeout as sleep } from 'node:timers/promises';
import { callThrough, DeliveryError, isRefusal, type DeskCallContext, type ProviderGate } from '#core';

/** Whose call it is. */
export interface Called {
  provider: 'channel' | 'desk';
  tenantId: string;
  /** Of the channel's provider, where it is not the main one. */
  account?: string;
}

/** The one way in which reconcilers call providers. */
export type ProviderCalls = <T>(called: Called, call: (context: DeskCallContext) => Promise<T>) => Promise<T>;

/** Times that a call asks again while our own limits leave it no room: lanes come first, but not for ever. */
const MAX_WAITS = 5;

/** Calls through the gate, with a deadline each. One that is refused fails like one that the provider did not take. */
export function gatedCalls(gate: ProviderGate, account: string, timeoutMs: number): ProviderCalls {
  return async (called, call) => {
    for (let waits = 0; ; waits += 1) {
      const permit = await gate.enter({ account, ...called, kind: 'look-up' });
      if (!isRefusal(permit))
        return callThrough(permit, () => call({ tenantId: called.tenantId, timeoutMs }));
      const { why, waitMs } = permit;
      if (why === 'breaker' || why === 'credentials' || waits >= MAX_WAITS) {
        throw new DeliveryError('not-sent', { code: `gate-${why}`, retryAfterMs: waitMs });
      }
      await sleep(Math.min(waitMs, 1_000));
    }
  };
}
