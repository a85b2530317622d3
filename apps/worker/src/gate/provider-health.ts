import { CircuitState, SamplingBreaker } from 'cockatiel';
import type { RefusalReason } from '#core';
import type { ProviderState } from '#persistence';
import type { Verdict } from './verdict.js';

export interface HealthOptions {
  /** The breaker opens when more than this share of at least `minCalls` calls of the last `windowMs` failed. */
  failureShare: number;
  minCalls: number;
  windowMs: number;
  /** Between probes while the breaker is open, and while our credentials are refused. */
  probeIntervalMs: number;
  credentialsProbeIntervalMs: number;
}

/** What the end of a call has changed. */
export type Change = 'opened' | 'paused' | 'recovered' | 'still-down';

/** A success is news when there was none for so long and something failed since: then lanes may be waiting for it. */
const QUIET_MS = 2_000;
/** So many calls refused one after the other concern all calls; one may concern its own conversation only. */
const FORBIDDEN_IN_A_ROW = 2;

/**
 * One provider for one tenant, as this worker sees it. A breaker is a worker's own: the network of one may be broken while the
 * others work. A pause for credentials is everybody's, and so are probing and recovery.
 */
export class ProviderHealth {
  private sampling: SamplingBreaker;
  private openedMs: number | undefined;
  private pausedMs: number | undefined;
  private nextProbeMs = 0;
  private lastAnswerMs: number;
  private lastEndMs: number;
  private failing = false;
  private forbidden = 0;
  /** Calls begun before say nothing about the time since. */
  private newEraMs: number;

  constructor(
    private readonly options: HealthOptions,
    nowMs: number,
  ) {
    this.sampling = this.newSampling();
    this.lastAnswerMs = nowMs;
    this.lastEndMs = nowMs;
    this.newEraMs = nowMs;
  }

  get blocked(): Extract<RefusalReason, 'breaker' | 'credentials'> | undefined {
    if (this.pausedMs !== undefined) return 'credentials';
    return this.openedMs === undefined ? undefined : 'breaker';
  }

  get probeIntervalMs(): number {
    return this.blocked === 'credentials'
      ? this.options.credentialsProbeIntervalMs
      : this.options.probeIntervalMs;
  }

  get probeDueMs(): number {
    return this.nextProbeMs;
  }

  probeAt(ms: number): void {
    this.nextProbeMs = ms;
  }

  /** A call begun at `beganMs` has ended. While the provider is blocked only its probe counts. */
  ended(verdict: Verdict, beganMs: number, isProbe: boolean, nowMs: number): Change | undefined {
    if (beganMs < this.newEraMs || (this.blocked && !isProbe)) return undefined;
    switch (verdict) {
      case 'answered':
        return this.answered(nowMs);
      case 'failed':
        return this.failed(nowMs);
      case 'unauthorized':
        return this.refused(nowMs, true);
      case 'forbidden':
        return this.refused(nowMs, false);
      case 'nothing':
        return isProbe ? this.stillDown(nowMs) : undefined;
    }
  }

  /** What all workers have agreed on, read at `readMs`. True when that ended what was blocked here. */
  learn({ pausedAgoMs, recoveredAgoMs = Infinity, nextProbeInMs }: ProviderState, readMs: number): boolean {
    const recoveredMs = readMs - recoveredAgoMs;
    const wasBlocked = this.blocked !== undefined;
    if (this.pausedMs !== undefined && pausedAgoMs === undefined && recoveredMs > this.pausedMs)
      this.pausedMs = undefined;
    if (this.openedMs !== undefined && recoveredMs > this.openedMs) this.openedMs = undefined;
    if (pausedAgoMs !== undefined) this.pausedMs ??= readMs - pausedAgoMs;
    this.nextProbeMs = readMs + nextProbeInMs;
    if (!wasBlocked || this.blocked) return false;
    this.begin(readMs);
    return true;
  }

  private answered(nowMs: number): Change | undefined {
    const isNews = this.failing && nowMs - this.lastAnswerMs >= QUIET_MS;
    this.lastAnswerMs = nowMs;
    this.failing = false;
    this.forbidden = 0;
    if (this.blocked || isNews) {
      this.openedMs = undefined;
      this.pausedMs = undefined;
      this.begin(nowMs);
      return 'recovered';
    }
    this.sample(nowMs).success(CircuitState.Closed);
    return undefined;
  }

  private failed(nowMs: number): Change | undefined {
    this.failing = true;
    if (this.blocked) return this.stillDown(nowMs);
    if (!this.sample(nowMs).failure(CircuitState.Closed)) return undefined;
    this.openedMs = nowMs;
    this.stillDown(nowMs);
    return 'opened';
  }

  private refused(nowMs: number, isForAll: boolean): Change | undefined {
    this.failing = true;
    this.forbidden += 1;
    if (this.pausedMs !== undefined) return this.stillDown(nowMs);
    if (!isForAll && this.forbidden < FORBIDDEN_IN_A_ROW)
      return this.blocked ? this.stillDown(nowMs) : undefined;
    this.openedMs = undefined;
    this.pausedMs = nowMs;
    this.stillDown(nowMs);
    return 'paused';
  }

  private stillDown(nowMs: number): Change {
    this.nextProbeMs = nowMs + this.probeIntervalMs;
    return 'still-down';
  }

  private begin(nowMs: number): void {
    this.newEraMs = nowMs;
    this.lastAnswerMs = nowMs;
    this.failing = false;
    this.forbidden = 0;
    this.sampling = this.newSampling();
  }

  /** The breaker drops old samples only as new ones come; after a quiet window it begins anew. */
  private sample(nowMs: number): SamplingBreaker {
    if (nowMs - this.lastEndMs > this.options.windowMs) this.sampling = this.newSampling();
    this.lastEndMs = nowMs;
    return this.sampling;
  }

  private newSampling(): SamplingBreaker {
    const { failureShare, minCalls, windowMs } = this.options;
    return new SamplingBreaker({
      threshold: failureShare,
      duration: windowMs,
      minimumRps: (minCalls * 1000) / windowMs,
    });
  }
}
