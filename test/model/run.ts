import fc from 'fast-check';
import { Bridge, type Build } from './bridge.js';
import { findings } from './checks.js';
import { commands, contention } from './commands.js';
import type { Setting } from './outside.js';
import { quiet } from './quiet.js';

const setting: fc.Arbitrary<Setting> = fc.record({
  served: fc.nat(3).map((n) => n > 0),
  uncertainPolicy: fc.constantFrom('retry', 'hold'),
  partLength: fc.constantFrom(1_600, 12),
  namesAuthors: fc.boolean(),
  listShows: fc.boolean(),
  canLook: fc.boolean(),
  repeatsTexts: fc.boolean(),
});

/** `SEED` repeats a run; with `MODEL_PATH`, as a failure prints it, only the sequence that failed. */
export const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const PATH = process.env['MODEL_PATH'];
const LIMIT_MS = 400_000;

/** Runs sequences one after the other over a database of their own, and fails with the shortest that breaks something. */
export async function runSequences(
  bridge: Bridge,
  options: { seed: number; sequences: number; shrink?: boolean; contended?: boolean },
): Promise<void> {
  const { seed, sequences, shrink = true, contended = false } = options;
  await fc.assert(
    fc.asyncProperty(setting, contended ? contention : commands, async (how, sequence) => {
      const outside = await bridge.begin(how);
      await fc.asyncModelRun(() => ({ model: outside, real: bridge }), sequence);
      const found = [...(await quiet(outside, bridge)), ...(await findings(outside, bridge))];
      if (found.length > 0) throw new Error(found.join('\n'));
    }),
    {
      seed,
      numRuns: sequences,
      endOnFailure: !shrink,
      // What was found by then is shown, though it may not be the shortest.
      interruptAfterTimeLimit: LIMIT_MS,
      markInterruptAsFailure: true,
      ...(PATH !== undefined && { path: PATH }),
    },
  );
}

/** The first violation that a broken build shows within so many sequences. */
export async function violation(build: Build, sequences: number, contended: boolean): Promise<string> {
  const bridge = await Bridge.start(build);
  try {
    await runSequences(bridge, { seed: SEED, sequences, contended, shrink: false });
    return 'none';
  } catch (error) {
    return error instanceof Error ? String(error.cause) : String(error);
  } finally {
    await bridge.stop();
  }
}
