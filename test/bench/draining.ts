import { asTable, median } from './comparison.js';
import { runRound } from './load.js';
import { PlainDesk } from './plain-desk.js';
import { textsOf, type SignedRequest } from './requests.js';
import { startGateway, startReference, startReferenceWorker, startWorker, type Server } from './servers.js';
import type { Storage } from './storage.js';

const CUSTOMERS = 200;
/** Texts of each customer in a turn. */
const EACH = 20;
const TURNS = 7;
const WARM_UPS = 3;
/** Texts that are sent one at a time, when nothing else is under way. */
const ALONE = 100;
/** Each fills its share, so that a customer's texts are accepted in the order in which they were written. */
const LINES = 16;

/** What delivers, and what accepts for it. */
interface Side {
  name: string;
  accepting: Server;
  delivering: Server;
  desk: PlainDesk;
  perSecond: number[];
  aloneMs: number;
}

/**
 * One worker delivers what waits in many lanes to a desk that answers at once, beside a worker that does no more than it
 * must. Both are stopped while the texts are accepted, and take turns.
 */
export async function benchDraining(storage: Storage): Promise<string[]> {
  const sides: Side[] = [];
  try {
    for (const start of [startReferenceSide, startProduct]) sides.push(await start(storage));
    const [reference, product] = sides;
    if (!reference || !product) throw new Error('A side is missing.');
    await introduce(product, storage);
    for (let turn = 0; turn < WARM_UPS + TURNS; turn += 1) {
      for (const side of sides) {
        const perSecond = await drain(side);
        if (turn >= WARM_UPS) side.perSecond.push(perSecond);
      }
    }
    for (const side of sides) side.aloneMs = await alone(side);
    print(reference, product);
    return troubles(product);
  } finally {
    for (const { accepting, delivering, desk } of sides) {
      await Promise.all([accepting.stop(), delivering.stop()]);
      desk.stop();
    }
  }
}

async function startReferenceSide(storage: Storage): Promise<Side> {
  const desk = await PlainDesk.start();
  const [accepting, delivering] = [
    await startReference(storage),
    await startReferenceWorker(storage, desk.url),
  ];
  return { name: 'reference', accepting, delivering, desk, perSecond: [], aloneMs: 0 };
}

async function startProduct(storage: Storage): Promise<Side> {
  const desk = await PlainDesk.start();
  const [accepting, delivering] = [await startGateway(storage), await startWorker(storage, desk.url)];
  return { name: 'worker', accepting, delivering, desk, perSecond: [], aloneMs: 0 };
}

/** Every customer gets a conversation that an agent has taken. */
async function introduce(product: Side, storage: Storage): Promise<void> {
  await accept(product, (customer) => textsOf(customer, 1));
  for (const until = performance.now() + 60_000; product.desk.conversations < CUSTOMERS;) {
    if (performance.now() > until) throw new Error('Conversations are not opened.');
    await pause(50);
  }
  await pause(500);
  await storage.activateConversations();
  await product.desk.has(CUSTOMERS);
}

/** Messages per second from the moment on which delivering goes on. */
async function drain(side: Side): Promise<number> {
  const { delivering, desk } = side;
  process.kill(delivering.pid, 'SIGSTOP');
  const before = desk.messages;
  await accept(side, (customer) => textsOf(customer, EACH));
  const startedAt = performance.now();
  process.kill(delivering.pid, 'SIGCONT');
  await desk.has(before + CUSTOMERS * EACH);
  const seconds = (desk.newestAt - startedAt) / 1_000;
  await pause(500);
  return (CUSTOMERS * EACH) / seconds;
}

/** Milliseconds from the answer to a text until the desk has it, where nothing else is under way. */
async function alone({ accepting, desk }: Side): Promise<number> {
  const taken: number[] = [];
  for (let n = 0; n < ALONE; n += 1) {
    const before = desk.messages;
    const startedAt = performance.now();
    await runRound(accepting.port, textsOf(n % CUSTOMERS, 1), { connections: 1, seconds: 10 });
    await desk.has(before + 1);
    taken.push(desk.newestAt - startedAt);
    await pause(20);
  }
  return median(taken);
}

async function accept(
  { name, accepting }: Side,
  texts: (customer: number) => SignedRequest[],
): Promise<void> {
  const lines = Array.from({ length: LINES }, (): SignedRequest[] => []);
  for (let customer = 0; customer < CUSTOMERS; customer += 1)
    lines[customer % LINES]?.push(...texts(customer));
  const rounds = await Promise.all(
    lines.map((requests) => runRound(accepting.port, requests, { connections: 1, seconds: 120 })),
  );
  if (rounds.some(({ errors }) => errors.size > 0)) throw new Error(`${name} refused texts.`);
}

function troubles({ name, desk }: Side): string[] {
  return [
    ...(desk.outOfOrder > 0 ? [`${name}: ${desk.outOfOrder} messages came out of order`] : []),
    ...(desk.doubled > 0 ? [`${name}: ${desk.doubled} messages came twice`] : []),
  ];
}

function print(reference: Side, product: Side): void {
  console.log(`\n${CUSTOMERS} lanes with ${EACH} messages each, medians of ${TURNS} turns`);
  console.log(
    asTable(
      ['', 'messages/s', '× reference', 'alone ms', 'alone × reference', 'out of order'],
      [reference, product].map((side) => [
        side.name,
        median(side.perSecond).toFixed(0),
        median(side.perSecond.map((each, turn) => each / (reference.perSecond[turn] ?? each))).toFixed(2),
        side.aloneMs.toFixed(1),
        (side.aloneMs / reference.aloneMs).toFixed(2),
        String(side.desk.outOfOrder),
      ]),
    ),
  );
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
