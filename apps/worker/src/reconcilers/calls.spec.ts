import { describe, expect, it } from 'vitest';
import { DeliveryError, ProviderGate, type Permit, type ProviderCall, type Refusal } from '#core';
import { gatedCalls } from './calls.js';

/** Answers as it is told, in turn, then lets everything through; keeps how calls ended. */
class ScriptedGate extends ProviderGate {
  readonly entered: ProviderCall[] = [];
  readonly ends: unknown[] = [];

  constructor(private readonly refusals: Refusal[]) {
    super();
  }

  enter(call: ProviderCall): Promise<Permit | Refusal> {
    this.entered.push(call);
    const permit: Permit = { end: (error) => void this.ends.push(error), unused: () => undefined };
    return Promise.resolve(this.refusals.shift() ?? permit);
  }
}

const CALLED = { provider: 'desk', tenantId: 'default' } as const;
const call = (gate: ProviderGate) =>
  gatedCalls(gate, 'AC1', 70)(CALLED, ({ timeoutMs }) => Promise.resolve(timeoutMs));

describe(gatedCalls.name, () => {
  it('calls with its deadline, and says how it ended', async () => {
    const gate = new ScriptedGate([]);
    expect(await call(gate)).toBe(70);
    const error = new DeliveryError('not-sent', { code: 'test' });
    await expect(gatedCalls(gate, 'AC1', 70)(CALLED, () => Promise.reject(error))).rejects.toBe(error);
    expect(gate.ends).toEqual([undefined, error]);
    expect(gate.entered[0]).toEqual({ ...CALLED, account: 'AC1', kind: 'look-up' });
  });

  it.each(['breaker', 'credentials'] as const)('makes no call while the gate is shut: %s', async (why) => {
    const gate = new ScriptedGate([{ why, waitMs: 5_000 }]);
    await expect(call(gate)).rejects.toMatchObject({ code: `gate-${why}`, retryAfterMs: 5_000 });
    expect(gate.ends).toEqual([]);
  });

  it('waits for room under our own limits, but not for ever', async () => {
    const busy = (count: number) =>
      Array.from({ length: count }, () => ({ why: 'concurrency', waitMs: 1 }) as const);
    expect(await call(new ScriptedGate(busy(5)))).toBe(70);
    await expect(call(new ScriptedGate(busy(6)))).rejects.toMatchObject({ code: 'gate-concurrency' });
  });
});
