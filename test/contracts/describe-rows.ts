import { describe, expect, it } from 'vitest';

/** One expectation. `check` rejects where the adapter does not meet it. */
export interface Row<World> {
  name: string;
  check(world: World): Promise<void>;
}

/** An adapter before a far side that does as it is told. */
interface Closable {
  close(): Promise<void>;
}

/** What a suite needs to know of an adapter. */
export interface Harness<World extends Closable> {
  /** An adapter before a far side that nothing has happened at. */
  start: () => Promise<World>;
  /** Rows that say nothing about this adapter, by name or by a pattern of it, each with its reason. */
  notApplicable?: readonly (readonly [row: string | RegExp, because: string])[];
}

/** Runs every row over an adapter, but those that are listed as not applicable, which are shown with their reasons. */
export function describeRows<World extends Closable>(
  name: string,
  groups: Readonly<Record<string, readonly Row<World>[]>>,
  { start, notApplicable = [] }: Harness<World>,
): void {
  const all = Object.values(groups).flat();
  describe(name, () => {
    for (const [title, rows] of Object.entries(groups)) {
      describe(title, () => {
        for (const row of rows) {
          const because = notApplicable.find(([pattern]) => matches(pattern, row))?.[1];
          if (because === undefined) it(row.name, () => checkRow(row, start));
        }
      });
    }

    it.each(notApplicable)('has a row that says nothing here, %s: %s', (pattern) => {
      expect(all.some((row) => matches(pattern, row))).toBe(true);
    });
  });
}

/** Checks one row in a world of its own. */
export async function checkRow<World extends Closable>(
  row: Row<World>,
  start: () => Promise<World>,
): Promise<void> {
  const world = await start();
  try {
    await row.check(world);
  } finally {
    await world.close();
  }
}

function matches(pattern: string | RegExp, { name }: { name: string }): boolean {
  return typeof pattern === 'string' ? pattern === name : pattern.test(name);
}
