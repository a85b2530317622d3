import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogFile } from './log-file.js';

describe(LogFile.name, () => {
  let dir: string;
  let log: LogFile;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'causeway-log-'));
    log = new LogFile(join(dir, 'worker.log'));
  });

  afterEach(() => {
    log.stop();
    rmSync(dir, { recursive: true });
  });

  it.each([
    ['a line for people', '{"msg":"listening"}\nPORT must be a number.\n', 'PORT must be a number.'],
    [
      "a thrown error's first line",
      'file.js:3\n  throw x\n  ^\n\nTypeError: x is not a function\n    at a (b.js:1)\n\nNode.js v24\n',
      'TypeError: x is not a function',
    ],
    ['nothing, when only the machine spoke', '{"msg":"listening"}\n', undefined],
  ])('gives %s as last words', (_what, text, words) => {
    writeFileSync(log.path, 'an earlier run said this\n');
    log.open().close();
    appendFileSync(log.path, text);
    expect(log.lastWords()).toBe(words);
  });

  it('keeps one old part of a log that grew too long', () => {
    writeFileSync(log.path, 'x'.repeat(20_000_001));
    log.open().close();
    expect(statSync(log.path).size).toBe(0);
    expect(statSync(`${log.path}.1`).size).toBe(20_000_001);
  });
});
