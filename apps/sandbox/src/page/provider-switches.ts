import type { ChatGatewaySimulator } from '../chat-gateway/simulator.js';
import { everyWay } from '../common/fault-ways.js';
import type { FaultWay } from '../common/faults.js';
import type { TwilioSimulator } from '../twilio/simulator.js';
import type { ProviderMode, ProviderState } from './state.js';

type Simulator = TwilioSimulator | ChatGatewaySimulator;

/** Below the 6 s that a worker waits for an answer: slow is not failed. */
const SLOW_MS = 2500;
/** Of the calls to a flaky provider. */
const FLAKY_SHARE = 0.2;
/** Long enough for the next events to come first. */
const SHUFFLE_MS = 700;

const EFFECTS: Record<Exclude<ProviderMode, 'normal' | 'gone' | 'flaky'>, FaultWay> = {
  slow: { effect: 'slow', delayMs: SLOW_MS },
  '429': { effect: 'answer', status: 429, retryAfter: '2' },
  '500-before': { effect: 'answer', status: 500, when: 'before' },
  '500-after': { effect: 'answer', status: 500, when: 'after' },
  hang: { effect: 'hang' },
  reset: { effect: 'reset' },
};

/** What can be made to go wrong with one provider for as long as wanted. */
export class ProviderSwitches {
  #mode: ProviderMode = 'normal';
  #faultId: string | undefined;
  #hitsBefore = 0;

  constructor(private readonly simulator: Simulator) {}

  get state(): ProviderState {
    const { webhookCopies, webhookJitterMs } = this.simulator.settings;
    return {
      mode: this.#mode,
      doubled: webhookCopies > 1,
      shuffled: webhookJitterMs > 0,
      faultsHit: this.simulator.faults.hits - this.#hitsBefore,
    };
  }

  async setMode(mode: ProviderMode): Promise<void> {
    if (this.#faultId !== undefined) this.simulator.faults.disarm(this.#faultId);
    this.#faultId = undefined;
    this.simulator.faults.random(
      mode === 'flaky'
        ? { share: FLAKY_SHARE, ways: everyWay({ slowMs: SLOW_MS }), random: Math.random }
        : undefined,
    );
    if (mode === 'gone') this.simulator.vanish();
    else await this.simulator.comeBack();
    this.#mode = mode;
    this.#hitsBefore = this.simulator.faults.hits;
    if (mode === 'normal' || mode === 'gone' || mode === 'flaky') return;
    this.#faultId = this.simulator.setFault({ operation: '*', times: null, ...EFFECTS[mode] }).id;
  }

  setDoubled(doubled: boolean): void {
    this.#set({ webhookCopies: doubled ? 2 : 1 });
  }

  setShuffled(shuffled: boolean): void {
    this.#set({ webhookJitterMs: shuffled ? SHUFFLE_MS : 0 });
  }

  /** Gone for a while, then as it was before. */
  async vanishFor(durationMs: number, pause: (ms: number) => Promise<void>): Promise<void> {
    this.simulator.vanish();
    try {
      await pause(durationMs);
    } finally {
      if (this.#mode !== 'gone') await this.simulator.comeBack();
    }
  }

  #set(changes: { webhookCopies: number } | { webhookJitterMs: number }): void {
    Object.assign(this.simulator.settings, changes);
  }
}
