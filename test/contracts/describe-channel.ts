import { LOOKING } from './channel/looking-rows.js';
import { MEDIA } from './channel/media-rows.js';
import { RECEIVING } from './channel/receiving-rows.js';
import { RENDERING } from './channel/rendering-rows.js';
import { SENDING } from './channel/sending-rows.js';
import type { ChannelWorld, Row } from './channel/world.js';
import { describeRows, type Harness } from './describe-rows.js';

/** All that delivery and accepting rely on in an adapter of a channel, by what it is about. */
export const CHANNEL_ROWS: Readonly<Record<string, readonly Row[]>> = {
  rendering: RENDERING,
  sending: SENDING,
  looking: LOOKING,
  receiving: RECEIVING,
  media: MEDIA,
};

export function describeChannel(name: string, harness: Harness<ChannelWorld>): void {
  describeRows(name, CHANNEL_ROWS, harness);
}
