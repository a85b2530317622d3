import type { ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type { OnExchange } from '../common/exchanges.js';
import type { Faults } from '../common/faults.js';
import { type Answer, answer, type Call, header } from '../common/http.js';
import { SimulatorServer } from '../common/server.js';
import type { MediaStore, Medium } from './media.js';

const PIECE = Buffer.alloc(1024 * 1024);
const BOMB_PIECES = 1024;

/**
 * The host that Twilio sends who fetches a medium to: another origin, where a link is enough and credentials are refused, as
 * storage behind pre-signed links does.
 */
export function mediaCdn(
  media: MediaStore,
  faults: Faults,
  onExchange: OnExchange | undefined,
): SimulatorServer {
  const server = new SimulatorServer({
    provider: 'twilio',
    faults,
    onExchange,
    errorAnswer: (status) => refusal(status, 'Error'),
    authorize: () => undefined,
  });
  server.operation('media.cdn', 'GET', '/media/:token', (call) => serve(call, media));
  return server;
}

function serve(call: Call, media: MediaStore): Answer {
  if (header(call, 'authorization') !== undefined) {
    return refusal(400, 'Only one auth mechanism allowed');
  }
  const medium = media.linked(call.params['token'] ?? '');
  return medium === undefined ? refusal(403, 'Request has expired') : mediumAnswer(medium);
}

function mediumAnswer(medium: Medium): Answer {
  const { contentType, bytes, fileName, declaredLength, noLength, endless, gzipBomb } = medium;
  const headers: Record<string, string> = { 'content-type': contentType };
  if (fileName !== undefined) headers['content-disposition'] = `inline; filename="${fileName}"`;
  const tricky = declaredLength !== undefined || noLength || endless || gzipBomb;
  if (!tricky) return { status: 200, headers, body: '', bytes };
  if (declaredLength !== undefined) headers['content-length'] = String(declaredLength);
  if (gzipBomb) headers['content-encoding'] = 'gzip';
  const pieces = gzipBomb ? bomb() : endless ? endlessly(bytes) : [bytes];
  // Less than it said: the connection breaks off.
  const short = declaredLength !== undefined && declaredLength > bytes.length && !endless && !gzipBomb;
  return { status: 200, headers, body: '', pour: (response) => pour(pieces, response, short) };
}

function pour(pieces: Iterable<Buffer>, response: ServerResponse, short: boolean): void {
  if (!short) {
    // Who fetches it may go at any time.
    pipeline(Readable.from(pieces), response, () => undefined);
    return;
  }
  for (const piece of pieces) response.write(piece, () => setTimeout(() => response.destroy(), 20));
}

function* endlessly(bytes: Buffer): Generator<Buffer> {
  yield bytes;
  for (;;) yield PIECE;
}

/** Members of one gzip stream follow each other: the same megabyte again and again. */
function* bomb(): Generator<Buffer> {
  const member = gzipSync(PIECE);
  for (let n = 0; n < BOMB_PIECES; n += 1) yield member;
}

function refusal(status: number, message: string): Answer {
  return answer(status, 'application/json', { message });
}
