import { resolve } from 'node:path';
import { run } from './run.js';

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  root: resolve(import.meta.dirname, '../../../..'),
  out: (text) => process.stdout.write(`${text}\n`),
  error: (text) => process.stderr.write(`${text}\n`),
  colours: process.stdout.isTTY && !process.env['NO_COLOR'],
});
