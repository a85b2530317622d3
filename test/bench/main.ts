import { availableParallelism } from 'node:os';
import { benchAccepting, TURNS } from './accepting.js';
import { measureStartUp } from './start-up.js';
import { startStorage } from './storage.js';

// `npm run bench`. Prints figures and asserts nothing about time; ends with 1 when a request was refused, a message was
// lost, or a program did not start. `BENCH_SECONDS` shortens or lengthens the rounds.
const roundSeconds = Number(process.env['BENCH_SECONDS'] ?? 1);
if (!(roundSeconds > 0)) throw new Error('BENCH_SECONDS must be a number of seconds above 0.');

const storage = await startStorage();
try {
  console.log(`${storage.description}, Node ${process.version}, ${availableParallelism()} processors.`);
  console.log(`Medians of ${TURNS} turns of ${roundSeconds} s each.`);
  const { accepted, troubles } = await benchAccepting(storage, roundSeconds);
  console.log(
    `\n${accepted} messages accepted by the gateway${troubles.length === 0 ? ', each stored once' : ''}.`,
  );
  for (const trouble of troubles) console.error(`BROKEN: ${trouble}`);
  if (troubles.length > 0) process.exitCode = 1;
} finally {
  await storage.stop();
}

try {
  const { firstSeconds, againSeconds } = await measureStartUp();
  console.log(`npm start: ready in ${firstSeconds} s, ${againSeconds} s when its data is there.`);
} catch (error) {
  console.error(`BROKEN: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
