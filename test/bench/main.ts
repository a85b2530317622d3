import { availableParallelism } from 'node:os';
import { benchAccepting, TURNS } from './accepting.js';
import { benchDraining } from './draining.js';
import { measureStartUp } from './start-up.js';
import { startStorage, type Storage } from './storage.js';

// `npm run bench`. Prints figures and asserts nothing about time; ends with 1 when a request was refused, a message was
// lost, doubled or out of order, or a program did not start. `BENCH_SECONDS` shortens or lengthens the rounds.
const roundSeconds = Number(process.env['BENCH_SECONDS'] ?? 1);
if (!(roundSeconds > 0)) throw new Error('BENCH_SECONDS must be a number of seconds above 0.');

// `npm run bench -- draining` runs one part alone.
const chosen = process.argv.slice(2);
const parts = { accepting, draining, starting };

for (const name of chosen.filter((each) => !(each in parts)))
  throw new Error(`There is no benchmark ${name}.`);
for (const [name, part] of Object.entries(parts)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  for (const trouble of await part().catch(asTrouble)) {
    console.error(`BROKEN: ${trouble}`);
    process.exitCode = 1;
  }
}

async function accepting(): Promise<string[]> {
  return onStorage(async (storage) => {
    console.log(`Medians of ${TURNS} turns of ${roundSeconds} s each.`);
    const { accepted, troubles } = await benchAccepting(storage, roundSeconds);
    console.log(
      `\n${accepted} messages accepted by the gateway${troubles.length === 0 ? ', each stored once' : ''}.`,
    );
    return troubles;
  });
}

async function draining(): Promise<string[]> {
  return onStorage(benchDraining);
}

async function starting(): Promise<string[]> {
  const { firstSeconds, againSeconds } = await measureStartUp();
  console.log(`\nnpm start: ready in ${firstSeconds} s, ${againSeconds} s when its data is there.`);
  return [];
}

/** Each part has a database of its own. */
async function onStorage(bench: (storage: Storage) => Promise<string[]>): Promise<string[]> {
  const storage = await startStorage();
  try {
    console.log(`\n${storage.description}, Node ${process.version}, ${availableParallelism()} processors.`);
    return await bench(storage);
  } finally {
    await storage.stop();
  }
}

function asTrouble(error: unknown): string[] {
  return [error instanceof Error ? error.message : String(error)];
}
