import { Module, type DynamicModule, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Direction, WakeUp } from '#core';
import {
  BullWakeUps,
  LaneHandler,
  LaneProcessors,
  QueueingModule,
  TypingProcessor,
  type QueueingSettings,
  type QueueObserver,
  type WakeUpOutcome,
} from '#queueing';

/** A running handler call as tests see it; times are `performance.now()`. */
export interface Handled {
  laneId: string;
  direction: Direction;
  startedAt: number;
}

/** A process's worth of queueing: wake-ups and, for consumers, a handler under test. */
export interface QueueingApp {
  app: INestApplicationContext;
  wakeUps: BullWakeUps;
  processors: { stop(deadlineMs: number): Promise<void> };
  handled: Handled[];
  /** How often each outcome was told, both directions together. */
  outcomes: Partial<Record<WakeUpOutcome, number>>;
  evictionPossible: boolean[];
  wake(laneId: string, more?: Partial<WakeUp>): void;
  stop(): Promise<void>;
}

@Module({})
class TestModule {}

/** Starts a Nest application with {@link QueueingModule}. `drain` is what the handler does. */
export async function startQueueing(
  settings: QueueingSettings,
  drain?: (laneId: string, direction: Direction) => Promise<void>,
  concurrency = 10,
): Promise<QueueingApp> {
  const handled: Handled[] = [];
  const outcomes: QueueingApp['outcomes'] = {};
  const evictionPossible: boolean[] = [];
  const observer: QueueObserver = {
    wakeUps: (outcome, _direction, count) => (outcomes[outcome] = (outcomes[outcome] ?? 0) + count),
    evictionPossible: (possible) => evictionPossible.push(possible),
  };
  class Handler extends LaneHandler {
    override async handle(laneId: string, direction: Direction): Promise<void> {
      handled.push({ laneId, direction, startedAt: performance.now() });
      await drain?.(laneId, direction);
    }
  }
  const root: DynamicModule = {
    module: TestModule,
    imports: [
      drain ? QueueingModule.forConsumer(settings, observer) : QueueingModule.forProducer(settings, observer),
    ],
    providers: [{ provide: LaneHandler, useClass: Handler }],
  };
  const app = await NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
  const wakeUps = app.get(BullWakeUps);
  const lanes = drain ? app.get(LaneProcessors) : undefined;
  lanes?.start(concurrency);
  // As a worker ends: nothing is left to Nest, which would wait for a queue that is away.
  const all = lanes ? [lanes, app.get(TypingProcessor)] : [];
  const processors = {
    stop: async (deadlineMs: number) => {
      await Promise.all(all.map((one) => one.stop(deadlineMs)));
    },
  };
  return {
    app,
    wakeUps,
    processors,
    handled,
    outcomes,
    evictionPossible,
    wake: (laneId, more = {}) => wakeUps.wake([{ laneId, direction: 'inbound', ...more }]),
    stop: async () => {
      await processors.stop(5_000);
      await wakeUps.stop();
      await app.close();
    },
  };
}

/** Polls until `check` is true; fails with `what` after `timeoutMs`. */
export async function eventually(
  what: string,
  check: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
