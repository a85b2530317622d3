import { describe, expect, it } from 'vitest';
import { LOOKING } from './channel/looking-rows.js';
import { MEDIA } from './channel/media-rows.js';
import { RECEIVING } from './channel/receiving-rows.js';
import { RENDERING } from './channel/rendering-rows.js';
import { SENDING } from './channel/sending-rows.js';
import type { ChannelWorld, Row } from './channel/world.js';

/** All that delivery and accepting rely on in an adapter, by what it is about. */
export const CHANNEL_ROWS: Readonly<Record<string, readonly Row[]>> = {
  rendering: RENDERING,
  sending: SENDING,
  looking: LOOKING,
  receiving: RECEIVING,
  media: MEDIA,
};

/** What the suite needs to know of a channel. */
export interface ChannelHarness {
  /** An adapter before a provider that nothing has happened at. */
  start: () => Promise<ChannelWorld>;
  /** Rows that say nothing about this channel, by name or by a pattern of it, each with its reason. */
  notApplicable?: readonly (readonly [row: string | RegExp, because: string])[];
}

/** Runs every row over a channel, but those that are listed as not applicable, which are shown with their reasons. */
export function describeChannel(name: string, { start, notApplicable = [] }: ChannelHarness): void {
  const all = Object.values(CHANNEL_ROWS).flat();
  describe(name, () => {
    for (const [title, rows] of Object.entries(CHANNEL_ROWS)) {
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
export async function checkRow(row: Row, start: ChannelHarness['start']): Promise<void> {
  const world = await start();
  try {
    await row.check(world);
  } finally {
    await world.close();
  }
}

function matches(pattern: string | RegExp, { name }: Row): boolean {
  return typeof pattern === 'string' ? pattern === name : pattern.test(name);
}
