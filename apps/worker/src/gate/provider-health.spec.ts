import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ProviderState } from '#persistence';
import { ProviderHealth, type Change } from './provider-health.js';
import type { Verdict } from './verdict.js';

const OPTIONS = {
  failureShare: 0.5,
  minCalls: 10,
  windowMs: 10_000,
  probeIntervalMs: 5_000,
  credentialsProbeIntervalMs: 30_000,
};

let health: ProviderHealth;
let now: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
  now = 1_000_000;
  health = new ProviderHealth(OPTIONS, now);
});
afterEach(() => {
  vi.useRealTimers();
});

function pass(ms: number): void {
  now += ms;
  vi.advanceTimersByTime(ms);
}

function ends(verdict: Verdict, { ago = 0, isProbe = false } = {}): Change | undefined {
  return health.ended(verdict, now - ago, isProbe, now);
}

function times(count: number, verdict: Verdict, everyMs = 1): (Change | undefined)[] {
  return Array.from({ length: count }, () => {
    pass(everyMs);
    return ends(verdict);
  });
}

function shared(changes: Partial<ProviderState> = {}): ProviderState {
  return { tenantId: 'default', provider: 'twilio', nextProbeInMs: 1_000, ...changes };
}

function open(): void {
  times(11, 'failed');
  expect(health.blocked).toBe('breaker');
}

describe('the breaker', () => {
  it('opens when more than half of at least ten calls failed', () => {
    times(5, 'answered');
    expect(times(5, 'failed')).toEqual(Array(5).fill(undefined));
    expect(times(1, 'failed')).toEqual(['opened']);
    expect(health.blocked).toBe('breaker');
    expect(health.probeDueMs).toBe(now + 5_000);
  });

  it('does not open over few calls, nor over a fifth of many', () => {
    times(8, 'failed');
    pass(20_000);
    for (let n = 0; n < 200; n += 1)
      expect(times(5, 'answered').concat(times(1, 'failed'))).not.toContain('opened');
  });

  it('forgets what is older than its window, even where hardly any call came since', () => {
    times(9, 'failed');
    pass(3_600_000);
    expect(times(3, 'failed', 100)).not.toContain('opened');
  });

  it.each<Verdict>(['nothing', 'forbidden'])('does not count "%s"', (verdict) => {
    times(5, 'answered');
    for (let n = 0; n < 50; n += 1) {
      times(1, verdict);
      times(1, 'answered');
    }
    expect(health.blocked).toBeUndefined();
  });

  it('while open listens to the probe only, and closes by its success', () => {
    open();
    expect(ends('answered')).toBeUndefined();
    expect(ends('failed', { isProbe: true })).toBe('still-down');
    expect(ends('nothing', { isProbe: true })).toBe('still-down');
    expect(health.blocked).toBe('breaker');
    pass(5_000);
    expect(ends('answered', { isProbe: true })).toBe('recovered');
    expect(health.blocked).toBeUndefined();
  });

  it('does not hold calls against the provider that began before it recovered', () => {
    open();
    pass(5_000);
    ends('answered', { isProbe: true });
    for (let n = 0; n < 40; n += 1) expect(ends('failed', { ago: 1 })).toBeUndefined();
    expect(health.blocked).toBeUndefined();
  });

  it('closes by what another worker found, if that was after it opened', () => {
    open();
    pass(3_000);
    expect(health.learn(shared({ recoveredAgoMs: 3_001 }), now)).toBe(false);
    expect(health.blocked).toBe('breaker');
    expect(health.probeDueMs).toBe(now + 1_000);
    expect(health.learn(shared({ recoveredAgoMs: 2_999 }), now)).toBe(true);
    expect(health.blocked).toBeUndefined();
  });

  it('does not open for the failures of other workers', () => {
    expect(health.learn(shared({ nextProbeInMs: 5_000 }), now)).toBe(false);
    expect(health.blocked).toBeUndefined();
  });
});

describe('credentials', () => {
  it('are given up at the first 401', () => {
    expect(ends('unauthorized')).toBe('paused');
    expect(health.blocked).toBe('credentials');
    expect(health.probeDueMs).toBe(now + 30_000);
  });

  it('are given up at the second 403 in a row, and not for one conversation among others', () => {
    for (let n = 0; n < 10; n += 1) {
      expect(ends('forbidden')).toBeUndefined();
      expect(ends('answered')).toBeUndefined();
    }
    expect(ends('forbidden')).toBeUndefined();
    expect(ends('forbidden')).toBe('paused');
  });

  it('are refused once for all calls that were under way', () => {
    expect([ends('unauthorized'), ends('unauthorized'), ends('failed')]).toEqual([
      'paused',
      undefined,
      undefined,
    ]);
  });

  it('are taken again when a probe says so, here or elsewhere', () => {
    ends('unauthorized');
    expect(ends('unauthorized', { isProbe: true })).toBe('still-down');
    pass(30_000);
    expect(ends('answered', { isProbe: true })).toBe('recovered');
    expect(health.learn(shared({ pausedAgoMs: 10 }), now)).toBe(false);
    expect(health.blocked).toBe('credentials');
    pass(1_000);
    expect(health.learn(shared({ recoveredAgoMs: 500 }), now)).toBe(true);
    expect(health.blocked).toBeUndefined();
  });

  it('matter more than an open breaker', () => {
    open();
    expect(ends('unauthorized', { isProbe: true })).toBe('paused');
    expect(health.blocked).toBe('credentials');
  });
});

describe('news', () => {
  it('is the first success after failures, when there was none for two seconds', () => {
    times(3, 'failed', 1_000);
    expect(ends('answered')).toBe('recovered');
    expect(ends('answered')).toBeUndefined();
  });

  it('is not a success among failures', () => {
    const changes = Array.from({ length: 100 }, () => [
      ...times(1, 'failed', 100),
      ...times(4, 'answered', 100),
    ]);
    expect(changes.flat()).toEqual(Array(500).fill(undefined));
  });

  it('is not a success after silence', () => {
    pass(60_000);
    expect(ends('answered')).toBeUndefined();
  });
});
