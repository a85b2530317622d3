import fc, { type AsyncCommand } from 'fast-check';
import type { LateOutcome, ReceiptStatus } from '#core';
import { inTurn } from '../support/accepting.js';
import { LONG_MS, SETTLED_MS, type Bridge } from './bridge.js';
import { DESK_ACTS, type Outside } from './outside.js';
import { CALM, OUTCOMES, type Plan } from './worker.js';

type Command = AsyncCommand<Outside, Bridge>;

/** A command over generated values: whether it can be given now, and what it does. */
function command<T>(
  name: string,
  values: fc.Arbitrary<T>,
  run: (values: T, outside: Outside, bridge: Bridge) => Promise<void>,
  check: (outside: Outside) => boolean = () => true,
): fc.Arbitrary<Command> {
  return values.map((value) => ({
    check,
    run: (outside, bridge) => run(value, outside, bridge),
    toString: () => `${name} ${fc.stringify(value)}`,
  }));
}

const nth = fc.nat(11);
const gateway = fc.nat(1);
const customer = fc.nat(1);

const plan: fc.Arbitrary<Plan> = fc.record({
  outcomes: fc.array(fc.constantFrom(...OUTCOMES), { maxLength: 4 }),
  blind: fc.nat(5).map((n) => n === 5),
  // Seldom: it stops the drain.
  refusal: fc.oneof(
    { weight: 7, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constantFrom('breaker', 'credentials', 'rate', 'concurrency') },
  ),
  ends: fc.option(
    fc.record({ how: fc.constantFrom('dies', 'freezes'), at: fc.integer({ min: 1, max: 24 }) }),
    {
      freq: 2,
    },
  ),
});

const STATUSES: ReceiptStatus[] = ['queued', 'sending', 'sent', 'delivered', 'read', 'undelivered', 'failed'];
const LATE: LateOutcome[] = ['failed', 'once-more', 'held-window'];

const writes = command('customer writes', fc.tuple(customer, gateway), ([who, by], outside, bridge) =>
  bridge.write(inTurn(outside.customers, who), by),
);

const repeats = command('webhook again', fc.tuple(nth, gateway), ([n, by], outside, bridge) =>
  bridge.accept(inTurn(outside.webhooks, n), 'duplicate', by),
);

const deskActs = command(
  'desk',
  fc.tuple(nth, fc.constantFrom(...DESK_ACTS)),
  async ([n, act], outside) => outside.acts(inTurn(outside.desk.conversations, n), act),
  (outside) => outside.desk.conversations.length > 0,
);

/** An agent writes, and we hear of it at once. */
const answers = command(
  'agent writes',
  fc.tuple(nth, gateway),
  async ([n, by], outside, bridge) => {
    outside.acts(inTurn(outside.desk.conversations, n), 'writes');
    await bridge.deliver(outside.outbox.length - 1, by);
  },
  (outside) => outside.desk.conversations.length > 0,
);

const delivers = command(
  'event',
  fc.tuple(nth, gateway),
  ([n, by], _, bridge) => bridge.deliver(n, by),
  (outside) => outside.outbox.length > 0,
);

const losesText = command('webhook lost', customer, async (who, outside) => {
  outside.lost.push(outside.text(inTurn(outside.customers, who)));
});

/** An agent writes, and the event comes late or never. */
const losesEvent = command(
  'event lost',
  fc.tuple(nth, fc.constantFrom('late', 'never')),
  async ([n, comes], outside) => {
    outside.acts(inTurn(outside.desk.conversations, n), 'writes');
    if (comes === 'never') outside.outbox.pop();
  },
  (outside) => outside.desk.conversations.length > 0,
);

/** What was lost is found; then the webhooks may come after all. */
const reconciles = command(
  'reconcile',
  fc.tuple(fc.constantFrom('webhooks late', 'webhooks never'), gateway),
  async ([come, by], _, bridge) => {
    const { texts } = await bridge.reconcile();
    if (come === 'webhooks never') return;
    for (const event of texts) await bridge.accept(event, 'duplicate', by);
  },
);

const redelivers = command(
  'event again',
  fc.tuple(nth, gateway),
  ([n, by], outside, bridge) => bridge.accept(inTurn(outside.events, n), 'duplicate', by),
  (outside) => outside.events.length > 0,
);

const reports = command(
  'receipt',
  fc.tuple(nth, fc.constantFrom(...STATUSES), fc.constantFrom(...LATE)),
  ([n, status, late], outside, bridge) =>
    bridge.report(outside.receipt(inTurn(outside.channel.accepted, n), status, late)),
  (outside) => outside.channel.accepted.length > 0,
);

/** A lane that has work, where there is one; it may have to wait for it. */
const drains = command(
  'drain',
  fc.tuple(nth, fc.constantFrom(0, 0, SETTLED_MS, LONG_MS), plan),
  async ([n, afterMs, how], _, bridge) => {
    if (afterMs > 0) await bridge.passTime(afterMs);
    const lanes = await bridge.lanes();
    const busy = lanes.filter(({ isEmpty }) => !isEmpty);
    await bridge.drain(inTurn(busy.length > 0 ? busy : lanes, n).id, how);
  },
);

/** A worker takes a lane over whose lease has run out, and freezes itself. */
const seizes = command(
  'seize',
  fc.tuple(fc.nat(1), fc.integer({ min: 3, max: 24 })),
  async ([n, at], _, bridge) => {
    await bridge.passTime(LONG_MS);
    const busy = (await bridge.lanes()).filter(({ isEmpty }) => !isEmpty);
    const lane = busy[n % busy.length];
    if (lane) await bridge.drain(lane.id, { ...CALM, ends: { how: 'freezes', at } });
  },
);

const works = command(
  'work off a wake-up',
  plan,
  async (how, outside, bridge) => {
    const job = outside.nextJob();
    if (job) await bridge.drain(job.laneId, how);
  },
  (outside) => outside.queue.length > 0,
);

const flushes = command(
  'flush',
  fc.constant(null),
  async (_, outside) => {
    outside.harmed = true;
    outside.queue.length = 0;
  },
  (outside) => outside.queue.length > 0,
);

const sweeps = command('sweep', plan, async (how, _, bridge) => {
  await bridge.rounds();
  for (const laneId of await bridge.dueLanes()) await bridge.drain(laneId, how);
});

const thaws = command(
  'thaw',
  nth,
  async (n, outside) => {
    await outside.sleepers.splice(n % outside.sleepers.length, 1)[0]?.resume();
  },
  (outside) => outside.sleepers.length > 0,
);

const passes = command('time', fc.constantFrom(500, 1_500, 31_000, SETTLED_MS, LONG_MS), (ms, _, bridge) =>
  bridge.passTime(ms),
);

const closes = command('operator closes', customer, (who, outside, bridge) =>
  bridge.close(inTurn(outside.customers, who)),
);

const pauses = command(
  'operator',
  fc.tuple(nth, fc.constantFrom('pause', 'resume')),
  async ([n, what], _, bridge) => bridge[what](inTurn(await bridge.lanes(), n).id),
);

const decides = command(
  'operator',
  fc.tuple(nth, fc.constantFrom('replay', 'replay all parts', 'discard')),
  ([n, what], _, bridge) => bridge.decide(n, what),
);

const configures = command('number', fc.constantFrom('unconfigured', 'configured'), (state, _, bridge) =>
  bridge.configure(state),
);

const LENGTH = { maxCommands: 30, size: 'medium' } as const;

/** Everything that may happen; some often, some seldom. */
const anything = fc.noBias(
  fc.commands(
    [
      ...[drains, drains, answers].flatMap((each) => [each, each, each]),
      ...[writes, delivers, deskActs, works, reports, thaws].flatMap((each) => [each, each]),
      repeats,
      redelivers,
      losesText,
      losesEvent,
      reconciles,
      reconciles,
      sweeps,
      passes,
      flushes,
      closes,
      pauses,
      decides,
      decides,
      configures,
    ],
    LENGTH,
  ),
);

/** Workers that freeze over lanes whose leases run out, and come back. */
export const contention = fc.noBias(
  fc.commands([seizes, seizes, seizes, thaws, thaws, answers, writes, reports], LENGTH),
);

export const commands = fc.oneof({ weight: 4, arbitrary: anything }, { weight: 1, arbitrary: contention });
