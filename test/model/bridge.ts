import type { DataSource } from 'typeorm';
import {
  type AcceptResult,
  CannotStoreError,
  type DeliveryOptions,
  type LaneStore,
  type InboundMessageReceived,
  type NeutralEvent,
  type WakeUp,
} from '#core';
import {
  ConversationChecks,
  createDataSource,
  createPool,
  DueNotes,
  migrateDatabase,
  OperatorConversations,
  OperatorDatabase,
  OperatorLanes,
  OperatorReplays,
  PostgresAcceptor,
  PostgresLaneStore,
  ReceivedMarks,
  Upkeep,
  type Pool,
} from '#persistence';
import { startTestPostgres } from '../support/postgres.js';
import { recordChanges } from './changes.js';
import { timePasses } from './clock.js';
import { Outside, type Setting } from './outside.js';
import { CALM, Worker, type Plan } from './worker.js';

/** Far longer than a sequence takes, so that nothing happens by itself: time is moved in the database. */
const OPTIONS: Omit<DeliveryOptions, 'uncertainPolicy'> = {
  leaseMs: 300_000,
  sendTimeoutMs: 20_000,
  uncertainSettleMs: 60_000,
  lookUpPatienceMs: 600_000,
  maxAgeMs: { inbound: 24 * 3_600_000, outbound: 4 * 3_600_000 },
  retry: {
    pausesMs: [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000, 120_000],
    retryAfterMinMs: 1_000,
    retryAfterMaxMs: 30_000,
  },
  credentialsWaitMs: 30_000,
  maxItems: 50,
  maxDrainMs: 3_600_000,
};
const TIMES = { readyMs: 30_000, closeGraceMs: 50_000 };

/** Whose acceptor marks its keys as the reconciler's; the others are gateways. */
const RECONCILER = 2;

/** How often a provider comes with the same. */
const MAX_TRIES = 20;

const BY = { actor: 'model' };

/** Longer than a lease, a settle time, a grace and every back-off. */
export const LONG_MS = 310_000;
/** Longer than a settle time or a grace, shorter than a lease. */
export const SETTLED_MS = 61_000;

/** What a build that is broken on purpose does otherwise. */
export interface Build {
  /** Breaks the schema. */
  sql?: string;
  /** Breaks the statements of delivery. */
  statement?: (text: string) => string;
  /** Methods of delivery's storage that answer something else. */
  store?: Partial<LaneStore>;
  dueLanes?: (lanes: WakeUp[]) => WakeUp[];
}

/** The system under test over a database of its own: two gateways, workers, sweeper, reconciler, operator. */
export class Bridge {
  private outside: Outside | undefined;
  private readonly acceptors: PostgresAcceptor[];
  private readonly store: LaneStore;
  private readonly upkeep: Upkeep;
  private readonly notes: DueNotes;
  private readonly marks: ReceivedMarks;
  private readonly checks: ConversationChecks;

  private constructor(
    readonly pool: Pool,
    private readonly pools: Pool[],
    private readonly dataSource: DataSource,
    private readonly build: Build,
    private readonly stopServer: () => Promise<void>,
  ) {
    const wakeUps = { wake: (list: WakeUp[]) => this.outside?.wake(list) };
    const parts = { apartPool: pool, wakeUps, ...TIMES };
    this.acceptors = pools.map((each) => new PostgresAcceptor({ pool: each, ...parts }));
    this.acceptors[RECONCILER] = new PostgresAcceptor({ pool, ...parts, origin: 'reconciler' });
    const store = new PostgresLaneStore({ pool: rewriting(pool, build.statement), wakeUps, ...TIMES });
    this.store = Object.assign(store, build.store);
    this.upkeep = new Upkeep(pool);
    this.notes = new DueNotes(pool);
    this.marks = new ReceivedMarks(pool);
    this.checks = new ConversationChecks({ pool, wakeUps, ...TIMES });
  }

  static async start(build: Build = {}): Promise<Bridge> {
    const server = await startTestPostgres();
    const databaseUrl = await server.createDatabase();
    await migrateDatabase(databaseUrl);
    const open = (maxConnections: number) => createPool({ databaseUrl, name: 'model', maxConnections });
    const pool = open(2);
    await recordChanges(pool);
    if (build.sql !== undefined) await pool.query(build.sql);
    const dataSource = createDataSource(databaseUrl, 'model-operator');
    return new Bridge(pool, [open(1), open(1)], dataSource, build, () => server.stop());
  }

  async stop(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    await Promise.all([this.pool, ...this.pools].map((pool) => pool.end()));
    await this.stopServer();
  }

  /** The world of another sequence, in which each customer has written. */
  async begin(setting: Setting): Promise<Outside> {
    const outside = new Outside(setting);
    this.outside = outside;
    for (const customer of outside.customers) {
      await this.pool.query(
        `insert into business_numbers (id, tenant_id, channel, account_sid, address, state, chat_gateway_channel_id,
           queue_id, configured_at)
         values (new_id(), $1, $2, 'AC1', $3, 'configured', 'channel-1', '100', now())`,
        [outside.tenantId, customer.startsWith('whatsapp:') ? 'whatsapp' : 'sms', outside.numberOf(customer)],
      );
    }
    for (const customer of outside.customers) await this.write(customer);
    if (setting.served) await this.serve(outside);
    return outside;
  }

  /** Each customer has an agent. */
  private async serve(outside: Outside): Promise<void> {
    for (const { id } of await this.lanes()) await this.drain(id);
    for (const conversation of outside.desk.conversations) {
      outside.acts(conversation, 'queues');
      outside.acts(conversation, 'joins');
    }
    while (outside.outbox.length > 0) await this.deliver(0);
    while (outside.queue.length > 0) await this.drain(outside.queue.shift()?.laneId ?? '');
  }

  private world(): Outside {
    if (!this.outside) throw new Error('No sequence has begun.');
    return this.outside;
  }

  async write(customer: string, gateway = 0): Promise<void> {
    const event = this.world().text(customer);
    this.world().webhooks.push(event);
    await this.accept(event, 'accepted', gateway);
  }

  /** Accepts an event, and holds the answer against what it must be. */
  async accept(event: NeutralEvent, expected: 'accepted' | 'duplicate', gateway = 0): Promise<void> {
    let result: AcceptResult | undefined;
    let tries = 0;
    while (result === undefined) {
      tries += 1;
      try {
        [result] = (await this.acceptors[gateway]?.accept([event])) ?? [];
      } catch (error) {
        // On a machine that is busy a provider gets a 503 and comes again, as it would.
        if (!(error instanceof CannotStoreError) || tries === MAX_TRIES) throw error;
      }
    }
    if (result === 'duplicate' && tries > 1) return;
    if (result !== expected) throw new Error(`A ${event.kind} was ${result}, not ${expected}.`);
  }

  /** Delivers what the desk has said: the n-th of what it has not delivered yet. */
  async deliver(n: number, gateway = 0): Promise<void> {
    const { outbox, events } = this.world();
    const [event] = outbox.splice(n % outbox.length, 1);
    if (!event) return;
    events.push(event);
    await this.accept(event, 'accepted', gateway);
  }

  /** Providers are asked for what they did not tell. Answers the customers' texts that were found, and whether nothing was. */
  async reconcile(): Promise<{ texts: InboundMessageReceived[]; nothing: boolean }> {
    const { tenantId, webhooks, lost, configured } = this.world();
    // Nobody asks for the texts of a number that is not configured.
    const texts = configured ? lost.splice(0) : [];
    const unknown = await this.marks.unknown([...webhooks, ...texts].map(({ dedupeKey }) => dedupeKey));
    webhooks.push(...texts);
    for (const event of configured ? webhooks : []) {
      // The list knows less of a message than its webhook.
      if (unknown.has(event.dedupeKey))
        await this.accept({ ...event, raw: { sid: event.providerMessageId } }, 'accepted', RECONCILER);
    }
    const { rows } = await this.pool.query<{ id: string; deskId: string }>(
      `select id, desk_conversation_id as "deskId" from conversations
       where tenant_id = $1 and desk_conversation_id is not null order by id`,
      [tenantId],
    );
    let answers = 0;
    for (const { id, deskId } of rows) answers += await this.compare(id, deskId);
    return { texts, nothing: texts.length + answers === 0 };
  }

  private async compare(conversationId: string, deskConversationId: string): Promise<number> {
    const { tenantId, desk } = this.world();
    const listed = await desk.listMessages(deskConversationId, 2_000, { timeoutMs: 1_000 });
    const { missing, broken } = await this.checks.takeMissing(
      { conversationId, tenantId, deskConversationId, open: true, silent: false, last: false, tries: 0 },
      listed,
      { olderThan: Infinity, messagesMs: 0 },
    );
    if (broken) throw new Error(`The comparison of ${deskConversationId} is broken.`);
    return missing.length;
  }

  /** A callback that overtakes the answer of the call it speaks of. */
  private async callback(call: string): Promise<void> {
    const { channel, outbox, sentReceipts } = this.world();
    const part = channel.accepted.at(-1);
    if (
      call === 'send' &&
      part &&
      !sentReceipts.some(({ attempt }) => attempt?.attemptId === part.attemptId)
    ) {
      await this.report(this.world().receipt(part, 'sent', undefined));
    } else if (outbox.length > 0) {
      await this.deliver(outbox.length - 1, 1);
    }
  }

  async report(receipt: ReturnType<Outside['receipt']>): Promise<void> {
    const outside = this.world();
    const isNew = outside.sentReceipts.every(({ dedupeKey }) => dedupeKey !== receipt.dedupeKey);
    outside.sentReceipts.push(receipt);
    outside.knows(receipt);
    await this.accept(receipt, isNew ? 'accepted' : 'duplicate');
  }

  /** Lanes of this sequence, in a lasting order. */
  async lanes(): Promise<{ id: string; pausedAt: Date | null; reason: string | null; isEmpty: boolean }[]> {
    const { rows } = await this.pool.query<Awaited<ReturnType<Bridge['lanes']>>[number]>({
      name: 'model-lanes',
      text: `select l.id, l.paused_at as "pausedAt", h.reason, h.seq is null as "isEmpty"
        from lanes l join threads t on t.id = l.thread_id
        left join lateral (select i.seq, i.reason from lane_items i where i.lane_id = l.id order by i.seq limit 1) h on true
        where l.tenant_id = $1 order by t.customer_address, l.direction`,
      values: [this.world().tenantId],
    });
    return rows;
  }

  async drain(laneId: string, plan: Plan = CALM): Promise<void> {
    const outside = this.world();
    const worker = new Worker(outside, { ...plan, outcomes: [...plan.outcomes] }, (call) =>
      this.callback(call),
    );
    await worker.drain(laneId, {
      store: this.store,
      options: { ...OPTIONS, uncertainPolicy: outside.setting.uncertainPolicy },
      wakeUps: { wake: (list) => outside.wake(list) },
      observer: { attempted: () => undefined, lookedUp: () => undefined, alarm: () => undefined },
    });
  }

  /** Lanes of this sequence that the sweeper finds. */
  async dueLanes(): Promise<string[]> {
    const due = await this.upkeep.dueLanes(10_000);
    const ours = new Set((await this.lanes()).map(({ id }) => id));
    const found = due.filter(({ laneId }) => ours.has(laneId));
    return (this.build.dueLanes?.(found) ?? found).map(({ laneId }) => laneId);
  }

  /** What workers do at intervals, except for looking for due lanes. */
  async rounds(): Promise<void> {
    const outside = this.world();
    outside.wake(await this.upkeep.releaseConfigured());
    outside.wake(await this.upkeep.sweepParked());
    outside.wake(await this.upkeep.closeDue());
    outside.wake(await this.upkeep.closeEnded());
    // Agents read what became of their messages.
    outside.wake(
      await this.notes.post(100, ({ direction, kind }) =>
        direction === 'outbound' ? { text: kind } : undefined,
      ),
    );
    for (const { tenantId, id } of await this.upkeep.takeEndings(OPTIONS.sendTimeoutMs)) {
      const conversation = outside.desk.conversation(id);
      await outside.desk.endConversation(id, { timeoutMs: 0 });
      await this.upkeep.ended(tenantId, id);
      if (conversation) outside.acts(conversation, 'ends');
    }
  }

  async passTime(ms: number): Promise<void> {
    const outside = this.world();
    outside.nowMs += ms;
    for (const conversation of outside.desk.conversations) conversation.createdAt -= ms;
    await timePasses(this.pool, outside.tenantId, ms);
  }

  async pause(laneId: string): Promise<void> {
    await this.operatorLanes().pause(laneId, BY);
  }

  async resume(laneId: string): Promise<void> {
    await this.operatorLanes().resume(laneId, BY);
  }

  /** The operator closes the open conversation of a customer's thread. */
  async close(customer: string): Promise<void> {
    const { rows } = await this.pool.query<{ id: string }>(
      `select c.id from conversations c join threads t on t.id = c.thread_id
       where c.tenant_id = $1 and t.customer_address = $2 and c.state <> 'closed'`,
      [this.world().tenantId, customer],
    );
    const conversations = new OperatorConversations(this.operator(), this.queue());
    for (const { id } of rows) await conversations.close(id, BY);
  }

  /** The operator replays or discards one of the messages that may be; both may be refused, by what has become of it. */
  async decide(n: number, what: 'replay' | 'replay all parts' | 'discard'): Promise<void> {
    const { rows } = await this.pool.query<{ id: string }>({
      name: 'model-decidable',
      text: `select m.id from lanes l join messages m on m.lane_id = l.id
        where l.tenant_id = $1 and m.delivery in ('failed', 'held', 'open') order by m.delivery, m.id`,
      values: [this.world().tenantId],
    });
    const id = rows[n % rows.length]?.id;
    if (id === undefined) return;
    const replays = new OperatorReplays(this.operator(), this.queue());
    if (what === 'discard') await replays.discard(id, BY);
    else if ((await replays.replay(id, what === 'replay all parts', BY)) === 'done')
      this.world().replayed.add(id);
  }

  async configure(state: 'configured' | 'unconfigured'): Promise<void> {
    this.world().configured = state === 'configured';
    await this.pool.query('update business_numbers set state = $2 where tenant_id = $1', [
      this.world().tenantId,
      state,
    ]);
  }

  private operatorLanes(): OperatorLanes {
    return new OperatorLanes(this.operator(), this.queue());
  }

  private operator(): OperatorDatabase {
    return new OperatorDatabase(this.dataSource, [this.world().tenantId]);
  }

  private queue(): { wake: (list: WakeUp[]) => void } {
    return { wake: (list) => this.world().wake(list) };
  }
}

/** A pool whose named statements are rewritten. */
function rewriting(pool: Pool, rewrite: Build['statement']): Pool {
  if (!rewrite) return pool;
  const query = (statement: string | { text: string }, values?: unknown[]) =>
    typeof statement === 'string'
      ? pool.query(statement, values)
      : pool.query({ ...statement, text: rewrite(statement.text) });
  return new Proxy(pool, { get: (target, name) => (name === 'query' ? query : Reflect.get(target, name)) });
}
