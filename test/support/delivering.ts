import { v7 as uuid } from 'uuid';
import {
  LaneDrain,
  ProviderGate,
  StorageError,
  type CrashPoint,
  type CreateReference,
  type CustomerDirectory,
  type DeliveryOptions,
  type FileStore,
  type InboundMessageReceived,
  type LanguageDetector,
  type LaneStore,
  type OpeningHours,
  type Permit,
  type SurveyLimits,
  type WakeUp,
  type WebFiles,
} from '#core';
import { PostgresContentTemplates, PostgresLaneStore, Upkeep } from '#persistence';
import { TemporaryFiles } from '#platform';
import {
  deskEvent,
  eventually,
  inboundMessage,
  makeNumber,
  newAddress,
  type StoredMessage,
  type TestDatabase,
} from './accepting.js';
import { FakeBot, FakeChannel, FakeDesk, FakeKeeper } from './fakes.js';

/** Short leases and settle times, so that a test can wait them out. Back-off is nothing until a test says more. */
const OPTIONS: DeliveryOptions = {
  leaseMs: 400,
  sendTimeoutMs: 100,
  uncertainSettleMs: 150,
  uncertainPolicy: 'retry',
  lookUpPatienceMs: 600_000,
  maxAgeMs: { inbound: 86_400_000, outbound: 14_400_000 },
  retry: {
    pausesMs: [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000, 120_000],
    retryAfterMinMs: 1_000,
    retryAfterMaxMs: 30_000,
  },
  credentialsWaitMs: 30_000,
  maxItems: 50,
  maxDrainMs: 10_000,
};

/** Lets every call through. */
export class OpenGate extends ProviderGate {
  override enter(): Promise<Permit> {
    return Promise.resolve({ end: () => undefined, unused: () => undefined });
  }
}

export interface WorkerChanges {
  files?: FileStore;
  gate?: ProviderGate;
  directory?: CustomerDirectory;
  languages?: LanguageDetector;
  web?: WebFiles;
  hours?: OpeningHours;
  options?: Partial<DeliveryOptions>;
  /** The process dies there: storage and everything after it never hear of the worker again. */
  diesAt?: CrashPoint;
  /** Full jitter of the back-off, 0 to 1; nothing by default. */
  random?: number;
}

export interface DeliveryWorker {
  drain(laneId: string): Promise<void>;
  stop(): void;
  /** True once it reached the point where it was to die. */
  isDead(): boolean;
  store: LaneStore;
}

/** Workers over one database with a provider and a desk in memory. */
export interface Delivery {
  channel: FakeChannel;
  desk: FakeDesk;
  bot: FakeBot;
  media: FakeKeeper;
  store: PostgresLaneStore;
  upkeep: Upkeep;
  wakeUps: WakeUp[];
  alarms: string[];
  attempted: string[];
  lookedUp: string[];
  worker(changes?: WorkerChanges): DeliveryWorker;
  /** One drain by a worker of its own. */
  drain(laneId: string, changes?: WorkerChanges): Promise<void>;
  /** Drains the lane again and again until `done`. */
  drainUntil(
    laneId: string,
    what: string,
    done: () => Promise<boolean> | boolean,
    changes?: WorkerChanges,
  ): Promise<void>;
  /** Until no item is left in the lane. */
  drainEmpty(laneId: string, changes?: WorkerChanges): Promise<void>;
}

export function startDelivery(
  db: TestDatabase,
  times: { readyMs?: number; closeGraceMs?: number } = {},
): Delivery {
  const channel = new FakeChannel();
  const desk = new FakeDesk();
  const bot = new FakeBot();
  const media = new FakeKeeper();
  const woken: WakeUp[] = [];
  const alarms: string[] = [];
  const attempted: string[] = [];
  const lookedUp: string[] = [];
  const wakeUps = { wake: (list: WakeUp[]) => void woken.push(...list) };
  const store = new PostgresLaneStore({
    pool: db.pool,
    wakeUps,
    readyMs: times.readyMs ?? 100,
    closeGraceMs: times.closeGraceMs ?? 5_000,
  });

  const worker = (changes: WorkerChanges = {}): DeliveryWorker => {
    let dead = false;
    const guarded = mortal(store, () => dead);
    const drain = new LaneDrain({
      store: guarded,
      templates: new PostgresContentTemplates(db.pool),
      channel,
      desk,
      bot,
      media,
      files: changes.files ?? new TemporaryFiles(),
      ...(changes.directory && { directory: changes.directory }),
      ...(changes.languages && { languages: changes.languages }),
      ...(changes.web && { web: changes.web }),
      gate: changes.gate ?? new OpenGate(),
      ...(changes.hours && { hours: changes.hours }),
      wakeUps,
      options: { ...OPTIONS, ...changes.options },
      observer: {
        attempted: ({ kind, outcome }) => void attempted.push(`${kind} ${outcome}`),
        lookedUp: ({ kind, result }) => void lookedUp.push(`${kind} ${result}`),
        alarm: (name) => void alarms.push(name),
      },
      crash: (point) => {
        if (point !== changes.diesAt) return;
        dead = true;
        throw new StorageError(new Error(`died ${point}`));
      },
      newId: uuid,
      nowMs: () => performance.now(),
      random: () => changes.random ?? 0,
    });
    return {
      drain: (laneId) => drain.drain(laneId),
      stop: () => drain.stop(),
      isDead: () => dead,
      store: guarded,
    };
  };

  const delivery: Delivery = {
    channel,
    desk,
    bot,
    media,
    store,
    upkeep: new Upkeep(db.pool),
    wakeUps: woken,
    alarms,
    attempted,
    lookedUp,
    worker,
    drain: (laneId, changes) => worker(changes).drain(laneId),
    drainUntil: async (laneId, what, done, changes) => {
      const one = worker(changes);
      await eventually(what, async () => {
        if (await done()) return true;
        await one.drain(laneId);
        return done();
      });
    },
    drainEmpty: (laneId, changes) =>
      delivery.drainUntil(
        laneId,
        'the lane is empty',
        async () => (await itemsOf(db, laneId)) === 0,
        changes,
      ),
  };
  return delivery;
}

/** A store that a dead process cannot reach any more. */
function mortal(store: LaneStore, isDead: () => boolean): LaneStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...values: unknown[]): unknown =>
        isDead()
          ? Promise.reject(new StorageError(new Error('dead')))
          : Reflect.apply(member, target, values);
    },
  });
}

export async function itemsOf(db: TestDatabase, laneId: string): Promise<number> {
  const { rows } = await db.pool.query<{ n: number }>(
    'select count(*)::int as n from lane_items where lane_id = $1',
    [laneId],
  );
  return rows[0]?.n ?? 0;
}

/** A customer who has written, with the lanes and the conversation of that thread. */
export interface TestThread {
  address: string;
  threadId: string;
  numberId: string;
  inbound: string;
  outbound: string;
  /** Accepts another text of the customer. */
  says(text: string): Promise<void>;
  messages(direction?: StoredMessage['direction']): Promise<StoredMessage[]>;
  conversations(): Promise<StoredConversation[]>;
}

export interface StoredConversation {
  id: string;
  state: string;
  desk_conversation_id: string | null;
  close_reason: string | null;
  create_outcome: string | null;
  close_due_at: Date | null;
  had_agent: boolean;
}

/** Accepts `first` and `texts` of a new customer on a configured number; nothing is delivered yet. */
export async function newThread(
  db: TestDatabase,
  texts: string[],
  number: { address?: string; configured?: boolean; channel?: 'whatsapp' } = {},
  first?: Partial<InboundMessageReceived>,
): Promise<TestThread> {
  const prefix = number.channel === 'whatsapp' ? 'whatsapp:' : '';
  const address = prefix + newAddress();
  const to = number.address ?? `${prefix}+15550100`;
  const numberId = await makeNumber(db.pool, { ...number, address: to });
  const acceptor = db.gateway;
  const says = async (text: string): Promise<void> => {
    await acceptor.accept([inboundMessage({ from: address, to, text })]);
  };
  if (first) await acceptor.accept([inboundMessage({ from: address, to, ...first })]);
  for (const text of texts) await says(text);
  const { rows } = await db.pool.query<{ thread_id: string; id: string }>(
    `select l.thread_id, l.id from lanes l join threads t on t.id = l.thread_id
     join customer_aliases a on a.customer_id = t.customer_id
     where a.value = $1 and l.direction = 'inbound'`,
    [address.replace('whatsapp:', '')],
  );
  const threadId = rows[0]?.thread_id ?? '';
  // An outbound lane is made by its first item; tests want its id before.
  const made = await db.pool.query<{ id: string }>(
    `insert into lanes (id, tenant_id, thread_id, direction) values (new_id(), 'default', $1, 'outbound')
     on conflict (thread_id, direction) do update set direction = 'outbound' returning id`,
    [threadId],
  );
  return {
    address,
    threadId,
    numberId,
    inbound: rows[0]?.id ?? '',
    outbound: made.rows[0]?.id ?? '',
    says,
    messages: async (direction) => {
      const found = await db.pool.query<StoredMessage & { content: { text?: string; type: string } }>(
        'select * from messages where thread_id = $1 order by direction, seq',
        [threadId],
      );
      return found.rows
        .map((row) => ({ ...row, text: row.content.text ?? `(${row.content.type})` }))
        .filter((row) => direction === undefined || row.direction === direction);
    },
    conversations: async () =>
      (
        await db.pool.query<StoredConversation>(
          'select * from conversations where thread_id = $1 order by opened_at',
          [threadId],
        )
      ).rows,
  };
}

/** A thread whose first text has reached an agent: its conversation is active. */
export async function activeThread(
  db: TestDatabase,
  delivery: Delivery,
  texts = ['hello'],
  number: { channel?: 'whatsapp' } = {},
): Promise<TestThread & { deskId: string; conversationId: string; agentAt: number }> {
  const thread = await newThread(db, texts, number);
  await delivery.drainUntil(thread.inbound, 'the conversation is bound', async () =>
    (await thread.conversations()).some((one) => one.desk_conversation_id !== null),
  );
  const [conversation] = await thread.conversations();
  const deskId = conversation?.desk_conversation_id ?? '';
  const agentAt = 10_000;
  await db.gateway.accept([
    deskEvent({
      deskConversationId: deskId,
      type: 'MEMBERS_CHANGED',
      occurredAt: agentAt,
      facts: { state: { value: 'active', at: agentAt }, agents: { a1: { joinedAt: agentAt } } },
    }),
  ]);
  await delivery.drainEmpty(thread.inbound);
  return { ...thread, deskId, conversationId: conversation?.id ?? '', agentAt };
}

/** A thread whose conversation was asked for, and is not bound to any of the desk yet. Its inbound lane stays claimed. */
export async function unboundThread(
  db: TestDatabase,
  { store }: Delivery,
  survey?: SurveyLimits,
): Promise<TestThread & { create: CreateReference }> {
  const thread = await newThread(db, ['hello']);
  const lane = await store.claim(thread.inbound, 60_000);
  if (!lane) throw new Error('The lane was not to be had.');
  const head = await store.head(lane);
  const conversation = await store.openConversation(lane);
  const create = { conversationId: conversation?.id ?? '', attemptId: uuid() };
  await store.intentCreate(lane.lease, 60_000, {
    ...create,
    messageId: head?.messageId ?? '',
    ...(survey && { survey }),
  });
  return { ...thread, create };
}
