import { v7 as uuid } from 'uuid';
import {
  DeliveryError,
  LaneDrain,
  type CallContext,
  type ChannelPort,
  type DeliveryDependencies,
  type DeskPort,
  type LaneStore,
  type Permit,
  ProviderGate,
  type Refusal,
  type RefusalReason,
} from '#core';
import { TemporaryFiles } from '#platform';
import {
  FakeBot,
  FakeKeeper,
  losesAnswer,
  losesRequest,
  refuses,
  type Outcome,
  type Script,
} from '../support/fakes.js';
import type { Outside } from './outside.js';

/** What a provider does with one call. */
export const OUTCOMES = [
  'taken',
  'not-sent',
  'failed',
  'window',
  'configuration',
  'credentials',
  'gone',
  'answer-lost',
  'request-lost',
  'callback-first',
  'callback-and-answer-lost',
  'bug-before',
  'bug-after',
] as const;

/** What happens to a worker and to its calls during one drain. */
export interface Plan {
  /** Of its effectful calls, in turn; those beyond are taken. */
  outcomes: (typeof OUTCOMES)[number][];
  /** Whether every reading call fails. */
  blind: boolean;
  /** Why the gate refuses the first call. */
  refusal: RefusalReason | null;
  /** Where the process dies, or freezes until it is thawed: before or after its n-th call of storage or a provider. */
  ends: { how: 'dies' | 'freezes'; at: number } | null;
}

export const CALM: Plan = { outcomes: [], blind: false, refusal: null, ends: null };

const EFFECTS = ['send', 'createConversation', 'endConversation'];
const never = new Promise<never>(() => undefined);

type Intent = Parameters<LaneStore['intent']>[2];
type Method = (...values: unknown[]) => Promise<unknown>;

/**
 * One drain by a process of its own. Before and after each call of storage and of the providers it may die, which covers every
 * crash point that is named in the code, or freeze: then everything else goes on without it.
 */
export class Worker {
  private steps = 0;
  private dead = false;
  private thaw: (() => void) | undefined;
  private intent: Intent | undefined;
  private stopped: () => void = () => undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly outside: Outside,
    private readonly plan: Plan,
    private readonly callback: (call: string) => Promise<void>,
  ) {}

  /** Resolves when the drain has ended, or died, or frozen. */
  drain(
    laneId: string,
    rest: Pick<DeliveryDependencies, 'store' | 'options' | 'wakeUps' | 'observer'>,
  ): Promise<void> {
    const { outside } = this;
    const drain = new LaneDrain({
      ...rest,
      store: this.watch(rest.store, (name, run, values) => this.stored(name, run, values)),
      channel: this.watch(outside.channel, (name, run, values) =>
        this.called(outside.channel, name, run, values),
      ),
      desk: this.watch(outside.desk, (name, run, values) => this.called(outside.desk, name, run, values)),
      bot: new FakeBot(),
      media: new FakeKeeper(),
      files: new TemporaryFiles(),
      gate: new ModelGate(this.plan.refusal),
      crash: () => undefined,
      newId: uuid,
      nowMs: () => outside.nowMs,
      random: () => 1,
    });
    const stopped = this.untilStopped();
    this.running = drain.drain(laneId);
    return Promise.race([this.running, stopped]);
  }

  /** Goes on where it froze. */
  resume(): Promise<void> {
    const stopped = this.untilStopped();
    this.thaw?.();
    return Promise.race([this.running, stopped]);
  }

  private untilStopped(): Promise<void> {
    return new Promise((resolve) => (this.stopped = resolve));
  }

  private watch<T extends object>(
    target: T,
    call: (name: string, run: Method, values: unknown[]) => Promise<unknown>,
  ): T {
    return new Proxy(target, {
      get: (_, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function' || name === 'render' || name === 'cost') return member;
        const run: Method = (...values) => Reflect.apply(member, target, values) as Promise<unknown>;
        return (...values: unknown[]) => call(String(name), run, values);
      },
    });
  }

  private async step(): Promise<void> {
    if (this.dead) return never;
    this.steps += 1;
    const { ends } = this.plan;
    if (!ends || this.steps !== ends.at) return;
    this.outside.harmed = true;
    const thawed = new Promise<void>((resolve) => (this.thaw = resolve));
    if (ends.how === 'dies') this.dead = true;
    else this.outside.sleepers.push(this);
    this.stopped();
    await (this.dead ? never : thawed);
  }

  private async stored(name: string, run: Method, values: unknown[]): Promise<unknown> {
    await this.step();
    const result = await run(...values);
    if (name === 'intent' && result === true) this.intent = values[2] as Intent;
    await this.step();
    return result;
  }

  private async called(
    port: ChannelPort | DeskPort,
    name: string,
    run: Method,
    values: unknown[],
  ): Promise<unknown> {
    const { outside } = this;
    const startedMs = outside.nowMs;
    await this.step();
    const effectful = EFFECTS.includes(name);
    this.script(port, name, values);
    // The fakes take effect at once, and answer later.
    const before = {
      posts: outside.posts(),
      parts: outside.channel.accepted.length,
      made: outside.desk.conversations.length,
    };
    const answer = run(...values);
    answer.catch(() => undefined);
    this.notice(before, values);
    await this.step();
    const context = values.at(-1) as CallContext;
    if (outside.nowMs - startedMs > context.timeoutMs) {
      throw new DeliveryError(effectful ? 'uncertain' : 'not-sent', { code: 'deadline' });
    }
    return answer;
  }

  /** Tells the fake what to do with the call that comes now. */
  private script(port: ChannelPort | DeskPort, name: string, values: unknown[]): void {
    const { channel, desk } = this.outside;
    if (port === channel && name === 'send') {
      const { to } = values[0] as { to: string };
      channel.sends.next(this.outcome(name, to.startsWith('whatsapp:') ? 'window' : 'configuration'));
    }
    if (name === 'createConversation') desk.creates.next(this.outcome(name, 'configuration'));
    if (port === desk && name === 'send') {
      const { deskConversationId } = values[0] as { deskConversationId: string };
      const over = desk.conversation(deskConversationId)?.state === 'idle';
      const outcome = this.outcome(name, 'configuration');
      desk.sends.next(over ? refuses('gone', { httpStatus: 409 }) : outcome);
    }
    if (!this.plan.blind) return;
    const readings: Record<string, Script> = {
      findSent: channel.finds,
      countSent: desk.counts,
      findConversation: desk.finds,
      readConversation: desk.reads,
      listMessages: desk.lists,
    };
    readings[name]?.next(refuses('not-sent'));
  }

  private outcome(name: string, hold: 'window' | 'configuration'): Outcome {
    const meanwhile = () => this.callback(name);
    const outcome = this.plan.outcomes.shift() ?? 'taken';
    switch (outcome) {
      case 'taken':
        return {};
      case 'window':
      case 'configuration':
        return refuses('held', { hold: outcome === 'window' ? hold : 'configuration' });
      case 'answer-lost':
        return losesAnswer();
      case 'request-lost':
        return losesRequest();
      case 'callback-first':
        return { meanwhile };
      case 'callback-and-answer-lost':
        return { ...losesAnswer(), meanwhile };
      case 'bug-before':
      case 'bug-after':
        return { accepts: outcome === 'bug-after', throws: new Error('a bug of ours') };
      case 'not-sent':
      case 'failed':
      case 'credentials':
      case 'gone':
        return refuses(outcome);
    }
  }

  /** Takes down what the call has brought about at the far side. */
  private notice(before: { posts: number; parts: number; made: number }, values: unknown[]): void {
    const { outside, intent } = this;
    const { desk, channel, taken } = outside;
    const made = desk.conversations[before.made];
    if (made) outside.created(made);
    const part = { partN: intent?.partN ?? 0, messageId: intent?.messageId };
    if (channel.accepted.length > before.parts) {
      taken.push({ ...part, direction: 'outbound', text: part.messageId ?? '' });
    }
    if (outside.posts() > before.posts) {
      taken.push({ ...part, direction: 'inbound', text: part.messageId ?? '' });
      outside.posted((values[0] as { deskConversationId: string }).deskConversationId);
    }
  }
}

/** Refuses one call, and none after it. */
class ModelGate extends ProviderGate {
  constructor(private refusal: RefusalReason | null) {
    super();
  }

  override async enter(): Promise<Permit | Refusal> {
    const why = this.refusal;
    this.refusal = null;
    return why ? { why, waitMs: 5_000 } : { end: () => undefined, unused: () => undefined };
  }
}
