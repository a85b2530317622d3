import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { everyWay } from '../../apps/sandbox/src/index.js';
import { PROJECT } from '../support/project.js';
import { redisMissing } from '../support/redis.js';
import { expectations } from './expectations.js';
import { asMarkdown, list } from './report.js';
import { runStorm } from './storm.js';

// `npm run test:storm`. Ends with 1 when the promise was broken. Everything random follows from SEED; STORM_SECONDS and
// STORM_MESSAGES make it longer or larger, STORM_BLOW_SECONDS rarer in blows, STORM_LOOK_UPS=impossible denies every look-up.
function number(name: string, fallback: number): number {
  const value = Number(process.env[name] ?? fallback);
  if (!(value > 0)) throw new Error(`${name} must be a number above 0.`);
  return value;
}

const noRedis = redisMissing();
if (noRedis) throw new Error(`The storm is on Redis, and ${noRedis}.`);
const lookUps = process.env['STORM_LOOK_UPS'] ?? 'exact';
if (lookUps !== 'exact' && lookUps !== 'impossible')
  throw new Error('STORM_LOOK_UPS must be exact or impossible.');
const seconds = number('STORM_SECONDS', 90);
const seed = number('SEED', 1 + (Date.now() % 1_000_000));

console.log(`SEED=${seed}`);
const report = await runStorm({
  seed,
  seconds,
  messages: number('STORM_MESSAGES', Math.max(5_000, seconds * 30)),
  customers: number('STORM_CUSTOMERS', 80),
  blowEveryMs: number('STORM_BLOW_SECONDS', 4) * 1_000,
  faultShare: 0.2,
  ways: everyWay({ slowMs: 600 }),
  lookUps,
  // All that was exchanged in half an hour is more than a test may hold.
  audited: seconds <= 300,
  progress: (line) => console.log(line),
});

const text = asMarkdown(report);
const folder = join(PROJECT, 'dist', 'storm');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, `${lookUps}.md`), `${text}\n`);
writeFileSync(join(folder, `${lookUps}.json`), `${JSON.stringify(report, undefined, 2)}\n`);
console.log(`\n${text}\n\nFailed calls: ${list(report.faults)}`);
const failures = expectations(report);
if (failures.length > 0) for (const story of report.stories.slice(0, 20)) console.error(story);
for (const failure of failures.slice(0, 20)) console.error(`BROKEN: ${failure}`);
if (failures.length > 0) process.exitCode = 1;
