import { describeRows, type Harness } from './describe-rows.js';
import { CONVERSING } from './desk/conversing-rows.js';
import { LOOKING } from './desk/looking-rows.js';
import { RECEIVING } from './desk/receiving-rows.js';
import { RENDERING } from './desk/rendering-rows.js';
import type { DeskWorld, Row } from './desk/world.js';

/** All that delivery and accepting rely on in an adapter of a contact centre, by what it is about. */
export const DESK_ROWS: Readonly<Record<string, readonly Row[]>> = {
  rendering: RENDERING,
  conversing: CONVERSING,
  looking: LOOKING,
  receiving: RECEIVING,
};

export function describeDesk(name: string, harness: Harness<DeskWorld>): void {
  describeRows(name, DESK_ROWS, harness);
}
