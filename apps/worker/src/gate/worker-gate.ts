import { hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ProviderGate,
  type DeliveryObserver,
  type Permit,
  type ProviderCall,
  type Refusal,
  type RefusalReason,
  type WakeUps,
} from '#core';
import type { Beat, ProviderStates } from '#persistence';
import type { Logger, Metrics } from '#platform';
import { CallSlots, Slot } from './call-slots.js';
import { ProviderHealth, type Change, type HealthOptions } from './provider-health.js';
import { SenderRates } from './sender-rates.js';
import { verdictOf } from './verdict.js';
import { WaitingLine } from './waiting-line.js';
import { WorkerShare } from './worker-share.js';

type Provider = ProviderCall['provider'];

export interface GateOptions extends HealthOptions {
  /** The one deadline of a call: a probe that takes longer is nobody's any more. */
  callTimeoutMs: number;
  /** Lanes that this worker works on at once, per direction. */
  lanesAtOnce: number;
  /** Calls under way per account, over all workers. */
  concurrency: Record<Provider, number>;
  /** Messages per second of a number that has no limit of its own, over all workers. */
  messagesPerSecond: (address: string) => number;
}

export interface GateDependencies {
  workerId: string;
  states: ProviderStates;
  wakeUps: WakeUps;
  metrics: Metrics;
  logger: Logger;
  observer: Pick<DeliveryObserver, 'alarm'>;
  options: GateOptions;
}

/** As in metrics, logs and storage; there each bot has a name of its own. */
export const PROVIDERS = { desk: 'chat-gateway', channel: 'twilio', bot: 'bot' } as const satisfies Record<
  Provider,
  string
>;

/** Lanes that wait for a provider go on within so long after its recovery, and are looked for until then. */
const PULL_SPREAD_MS = 5_000;
const PULL_FOR_MS = 6_000;
/** Lanes that a worker brings at its start to a provider that is paused: its credentials may be the repaired ones. */
const FIRST_PROBES = 3;
/** While a provider is blocked, one lane looks again per so many milliseconds and worker, whether or not it may probe. */
const BLOCKED_SPACING_MS = 50;
const MAX_WAIT_MS = 120_000;
/** While blocked, what the workers share is read again as lanes come, at most so often. */
const LOOK_INTERVAL_MS = 250;
/** A probe's deadline may be late by that. */
const PROBE_MARGIN_MS = 1_000;
/** How long the others are waited for at the end. */
const STOP_TIMEOUT_MS = 1_000;
/** A worker without a part of its own yet. */
const NO_SHARE_WAIT_MS = 500;

interface Gated {
  provider: Provider;
  /** In storage, which all workers share. */
  name: string;
  tenantId: string;
  health: ProviderHealth;
}

/**
 * The gate of one worker. Closed breakers, rates and slots are looked up in memory; Postgres is asked only where calls are
 * refused anyway, and told when something changes. Redis has no part in it.
 */
export class WorkerGate extends ProviderGate {
  private readonly gated = new Map<string, Gated>();
  private readonly slots: CallSlots;
  private readonly rates = new SenderRates();
  private readonly share = new WorkerShare();
  private readonly line = new WaitingLine(MAX_WAIT_MS);
  private readonly running = new Set<Promise<void>>();
  private lookedMs = -Infinity;
  private looking: Promise<void> | undefined;

  constructor(private readonly deps: GateDependencies) {
    super();
    this.slots = new CallSlots(deps.options.lanesAtOnce);
  }

  /** Says that this worker lives, hears who else does, and what became of providers. */
  async beat(): Promise<void> {
    const { states, workerId } = this.deps;
    const isFirst = !this.share.joined;
    // Of two that join at the same time, one at least must see the other when it looks.
    if (isFirst) await states.beat(workerId);
    const sentMs = performance.now();
    const beat = await states.beat(workerId);
    this.lookedMs = performance.now();
    this.share.heard(beat, sentMs);
    for (const { gated, recoveredAgoMs = Infinity } of this.learn(beat, this.lookedMs)) {
      // Lanes that were under way at the time of the recovery begin to wait after it.
      if (recoveredAgoMs < PULL_FOR_MS) await this.pullForward(gated);
      else if (isFirst && gated.health.blocked === 'credentials') await this.probeAtOnce(gated);
    }
  }

  async stop(): Promise<void> {
    const left = Promise.allSettled(this.running).then(() => this.deps.states.leave(this.deps.workerId));
    // Without a database the others find out by themselves.
    await Promise.race([left.catch(() => undefined), delay(STOP_TIMEOUT_MS, undefined, { ref: false })]);
  }

  override async enter(call: ProviderCall): Promise<Permit | Refusal> {
    const gated = this.of(nameOf(call), call.tenantId);
    if (call.kind === 'signal') return this.enterAside(call, gated);
    const isProbe = gated.health.blocked !== undefined && (await this.takeProbe(gated));
    const { blocked, probeDueMs } = gated.health;
    if (blocked && !isProbe) {
      const waitMs = this.line.join(keyOf(gated), performance.now(), probeDueMs, BLOCKED_SPACING_MS);
      return this.refuse(gated, blocked, waitMs);
    }
    const entered = await this.takeSlot(call, gated);
    if (!(entered instanceof Slot)) {
      if (isProbe) this.giveProbeBack(gated);
      return entered;
    }
    this.deps.metrics.calls.inc({ provider: PROVIDERS[call.provider], kind: call.kind });
    return this.permit(gated, entered, isProbe);
  }

  /**
   * For a call that no message may wait for: it never probes, takes no place in a waiting line, leaves half of the slots to
   * the others, and how it ends is nobody's business (typing has a host of its own, which may fail alone).
   */
  private enterAside(call: ProviderCall, gated: Gated): Permit | Refusal {
    const { blocked, probeDueMs } = gated.health;
    const nowMs = performance.now();
    if (blocked) return this.refuse(gated, blocked, Math.max(0, probeDueMs - nowMs));
    const limit = Math.floor(this.share.whole(this.deps.options.concurrency[call.provider], nowMs) / 2);
    const slot = this.slots.take(accountOf(call), '', limit);
    if (!(slot instanceof Slot)) return this.refuse(gated, 'concurrency', slot.freeInMs);
    this.deps.metrics.calls.inc({ provider: PROVIDERS[call.provider], kind: call.kind });
    const free = () => void slot.free();
    return { unused: free, end: free };
  }

  private async takeSlot(call: ProviderCall, gated: Gated): Promise<Slot | Refusal> {
    const { provider, kind, number } = call;
    const { concurrency, messagesPerSecond } = this.deps.options;
    const nowMs = performance.now();
    const numberId = number?.id ?? '';
    const limit = this.share.whole(concurrency[provider], nowMs);
    if (limit === 0) return this.refuse(gated, 'concurrency', NO_SHARE_WAIT_MS * (0.5 + Math.random()));
    const account = accountOf(call);
    const slot = this.slots.take(account, numberId, limit);
    if (!(slot instanceof Slot)) {
      const waitMs = this.line.join(
        `slot:${account}:${numberId}`,
        nowMs,
        nowMs + slot.freeInMs,
        slot.freeInMs,
      );
      return this.refuse(gated, 'concurrency', waitMs);
    }
    if (kind !== 'send' || provider !== 'channel' || !number) return slot;
    const perSecond = this.share.fraction(
      number.messagesPerSecond ?? messagesPerSecond(number.address),
      nowMs,
    );
    const freeInMs = await this.rates.take(numberId, perSecond);
    if (freeInMs === 0) return slot;
    slot.free();
    return this.refuse(
      gated,
      'rate',
      this.line.join(`rate:${numberId}`, nowMs, nowMs + freeInMs, 1000 / perSecond),
    );
  }

  private permit(gated: Gated, slot: Slot, isProbe: boolean): Permit {
    const beganMs = performance.now();
    return {
      unused: () => {
        if (!slot.free()) return;
        if (isProbe) this.giveProbeBack(gated);
      },
      end: (error) => {
        if (!slot.free()) return;
        const change = gated.health.ended(verdictOf(error), beganMs, isProbe, performance.now());
        if (change) this.changed(gated, change, error);
      },
    };
  }

  /** True when this call is to be the one that tries whether the provider works again. */
  private async takeProbe(gated: Gated): Promise<boolean> {
    const { health, tenantId, name } = gated;
    await this.look();
    if (!health.blocked || performance.now() < health.probeDueMs) return false;
    const leaseMs = Math.max(health.probeIntervalMs, this.deps.options.callTimeoutMs + PROBE_MARGIN_MS);
    health.probeAt(performance.now() + leaseMs);
    // Without storage nobody can be kept from probing, so nobody probes; nothing could be sent either.
    return this.deps.states.takeProbe(tenantId, name, leaseMs).catch(() => false);
  }

  private giveProbeBack({ health, tenantId, name }: Gated): void {
    health.probeAt(performance.now());
    this.run(() => this.deps.states.probeIn(tenantId, name, 0));
  }

  /** A beat out of turn, one for all who come meanwhile. */
  private async look(): Promise<void> {
    if (performance.now() - this.lookedMs < LOOK_INTERVAL_MS) return;
    this.looking ??= this.beat()
      .catch(() => undefined)
      .finally(() => (this.looking = undefined));
    await this.looking;
  }

  private learn({ providers }: Beat, readMs: number): { gated: Gated; recoveredAgoMs?: number }[] {
    return providers.flatMap((state) => {
      const gated = this.of(state.provider, state.tenantId);
      if (gated.health.learn(state, readMs)) this.line.clear(keyOf(gated));
      this.show(gated);
      return { gated, ...(state.recoveredAgoMs !== undefined && { recoveredAgoMs: state.recoveredAgoMs }) };
    });
  }

  private changed(gated: Gated, change: Change, error: unknown): void {
    const { states, logger, observer } = this.deps;
    const { tenantId, name, health } = gated;
    this.show(gated);
    switch (change) {
      case 'opened':
        logger.warn(
          { provider: name, tenantId },
          'A provider fails; it is only probed until it works again.',
        );
        return this.run(async () => void (await states.takeProbe(tenantId, name, health.probeIntervalMs)));
      case 'still-down':
        return this.run(() => states.probeIn(tenantId, name, health.probeIntervalMs));
      case 'paused':
        return this.run(async () => {
          if (!(await states.pause(tenantId, name, health.probeIntervalMs))) return;
          logger.error(
            { provider: name, tenantId },
            'A provider refuses our credentials; it is only probed.',
          );
          observer.alarm('credentials-refused', {}, error);
        });
      case 'recovered':
        this.line.clear(keyOf(gated));
        return this.run(async () => {
          await states.recovered(tenantId, name);
          logger.info({ provider: name, tenantId }, 'A provider works again; waiting lanes go on.');
          await this.pullForward(gated);
        });
    }
  }

  private async probeAtOnce({ tenantId, name, health }: Gated): Promise<void> {
    const { states, wakeUps } = this.deps;
    await states.probeIn(tenantId, name, 0);
    health.probeAt(performance.now());
    wakeUps.wake(await states.pullForward(tenantId, name, 0, FIRST_PROBES));
  }

  private async pullForward({ tenantId, name }: Gated): Promise<void> {
    const { states, wakeUps } = this.deps;
    wakeUps.wake(await states.pullForward(tenantId, name, PULL_SPREAD_MS));
  }

  private refuse({ provider }: Gated, why: RefusalReason, waitMs: number): Refusal {
    this.deps.metrics.callsRefused.inc({ provider: PROVIDERS[provider], why });
    return { why, waitMs: Math.ceil(waitMs) };
  }

  /** What is told to the others; nobody waits for it, and who does not hear it finds out. */
  private run(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) =>
        this.deps.logger.warn({ err: error }, 'Workers could not be told of a provider.'),
      )
      .finally(() => this.running.delete(running));
    this.running.add(running);
  }

  private show({ provider }: Gated): void {
    const ofProvider = [...this.gated.values()].filter((one) => one.provider === provider);
    for (const why of ['breaker', 'credentials'] as const) {
      const tenants = ofProvider.filter(({ health }) => health.blocked === why).length;
      this.deps.metrics.providerBlocked.set({ provider: PROVIDERS[provider], why }, tenants);
    }
  }

  private of(name: string, tenantId: string): Gated {
    const key = `${name}:${tenantId}`;
    let gated = this.gated.get(key);
    if (!gated) {
      const provider = providerOf(name);
      gated = { provider, name, tenantId, health: new ProviderHealth(this.deps.options, performance.now()) };
      this.gated.set(key, gated);
      this.show(gated);
    }
    return gated;
  }
}

function keyOf({ name, tenantId }: Gated): string {
  return `blocked:${name}:${tenantId}`;
}

/** One bot that fails says nothing of the others. Storage knows the digest, too: see `pull_forward`. */
function nameOf({ provider, botUrl = '' }: ProviderCall): string {
  return provider === 'bot' ? `bot:${hash('sha256', botUrl, 'hex').slice(0, 16)}` : PROVIDERS[provider];
}

function providerOf(name: string): Provider {
  if (name === PROVIDERS.desk) return 'desk';
  return name === PROVIDERS.channel ? 'channel' : 'bot';
}

/** Whose calls are limited together. The desk's account is the tenant's. */
function accountOf(call: ProviderCall): string {
  const { provider, tenantId, number, account } = call;
  return `${nameOf(call)}:${tenantId}:${provider === 'channel' ? (number?.account ?? account) : ''}`;
}
