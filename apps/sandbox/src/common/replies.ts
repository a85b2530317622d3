import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import type { Fault } from './faults.js';
import type { Answer } from './http.js';

/** More than any client should take. */
const HUGE_BYTES = 5 * 1024 * 1024;

export function send(reply: FastifyReply, result: Answer): FastifyReply {
  if (result.pour !== undefined) {
    reply.hijack();
    result.pour(reply.raw.writeHead(result.status, result.headers));
    return reply;
  }
  void reply.code(result.status).headers(result.headers);
  const bytes = bytesOf(result);
  return bytes.length === 0 ? reply.send() : reply.send(bytes);
}

function bytesOf({ bytes, body }: Answer): Buffer {
  return bytes ?? Buffer.from(body);
}

export function breakOff(reply: FastifyReply, fault: Fault): FastifyReply {
  reply.hijack();
  // A hung call stays open until the caller goes or the server closes.
  if (fault.effect === 'reset') reply.raw.socket?.resetAndDestroy();
  return reply;
}

/** What something between us and the caller answers in the provider's place. */
export function foreignPage(status: number): Answer {
  const body = '<html><body>Please sign in to continue.</body></html>';
  return { status, headers: { 'content-type': 'text/html' }, body };
}

/** The answer with more white space around it than fits anywhere. */
export function huge(result: Answer): Answer {
  const bytes = bytesOf(result);
  return { ...result, bytes: Buffer.concat([bytes, Buffer.alloc(HUGE_BYTES, ' ')]) };
}

export function sendHeaders(reply: FastifyReply, result: Answer): FastifyReply {
  return sendAndReset(reply, result, 0);
}

export function sendHalf(reply: FastifyReply, result: Answer): FastifyReply {
  return sendAndReset(reply, result, 0.5);
}

/** Something to break off in. */
function spoilable(result: Answer): Buffer {
  const bytes = bytesOf(result);
  return bytes.length === 0 ? Buffer.from('{}') : bytes;
}

function sendAndReset(reply: FastifyReply, result: Answer, share: number): FastifyReply {
  reply.hijack();
  const bytes = spoilable(result);
  reply.raw.writeHead(result.status, { ...result.headers, 'content-length': String(bytes.length) });
  reply.raw.flushHeaders();
  reply.raw.write(bytes.subarray(0, Math.floor(bytes.length * share)), () =>
    // A moment for the kernel to deliver what was sent before the reset discards what is queued.
    setTimeout(() => reply.raw.socket?.resetAndDestroy(), 20),
  );
  return reply;
}

export async function drip(reply: FastifyReply, result: Answer, delayMs: number): Promise<FastifyReply> {
  reply.hijack();
  const bytes = spoilable(result);
  reply.raw.writeHead(result.status, { ...result.headers, 'content-length': String(bytes.length) });
  for (const byte of bytes) {
    if (reply.raw.destroyed) break;
    reply.raw.write(Buffer.of(byte));
    await delay(delayMs);
  }
  reply.raw.end();
  return reply;
}
