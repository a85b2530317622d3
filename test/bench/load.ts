import { connect, type Socket } from 'node:net';
import type { SignedRequest } from './requests.js';

/** What one round measured. */
export interface Round {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Message ids that were answered 2xx. */
  accepted: string[];
  /** Answers that were not 2xx, by status; broken connections count as `0`. */
  errors: Map<number, number>;
}

/**
 * Writes requests to `connections` sockets, one at a time on each, until `seconds` have passed or they run out, then
 * waits for what is under way. Bare sockets and ready bytes: generator, server and Postgres share the processors, and
 * a generator that works hard would hide the difference between fast and slow servers.
 */
export async function runRound(
  port: number,
  requests: SignedRequest[],
  { connections, seconds }: { connections: number; seconds: number },
): Promise<Round> {
  const all = await Promise.all(Array.from({ length: connections }, () => Connection.open(port)));
  const latencies: number[] = [];
  const accepted: string[] = [];
  const errors = new Map<number, number>();
  const startedAt = performance.now();
  const endAt = startedAt + seconds * 1000;
  let next = 0;
  const one = async (connection: Connection): Promise<void> => {
    while (performance.now() < endAt) {
      const request = requests[next++];
      if (!request) return;
      const sentAt = performance.now();
      const status = await connection.exchange(request.bytes);
      latencies.push(performance.now() - sentAt);
      if (status >= 200 && status < 300) accepted.push(request.sid);
      else errors.set(status, (errors.get(status) ?? 0) + 1);
      if (status === 0) return;
    }
  };
  await Promise.all(all.map(one));
  const elapsedSeconds = (performance.now() - startedAt) / 1000;
  for (const connection of all) connection.close();
  latencies.sort((a, b) => a - b);
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { perSecond: latencies.length / elapsedSeconds, p50Ms: at(0.5), p99Ms: at(0.99), accepted, errors };
}

const STATUS_AT = 'HTTP/1.1 '.length;

/** A socket with one request under way at a time; its listeners stay, for adding and removing them costs as much as a request. */
class Connection {
  private answer = '';
  private broken = false;
  private finish: (status: number) => void = () => undefined;

  private readonly socket: Socket;

  private constructor(socket: Socket) {
    this.socket = socket;
    const onEnd = () => {
      this.broken = true;
      this.finish(0);
    };
    socket.on('error', onEnd).on('close', onEnd);
    socket.on('data', (chunk: Buffer) => {
      this.answer += chunk.toString('latin1');
      if (isWhole(this.answer)) this.finish(Number(this.answer.slice(STATUS_AT, STATUS_AT + 3)));
    });
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Connection(socket));
      });
    });
  }

  /** Sends one request and reads its whole answer; the status, or 0 when the connection broke. */
  exchange(bytes: Buffer): Promise<number> {
    if (this.broken) return Promise.resolve(0);
    return new Promise((resolve) => {
      this.answer = '';
      this.finish = resolve;
      this.socket.write(bytes);
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

function isWhole(answer: string): boolean {
  const headEnd = answer.indexOf('\r\n\r\n');
  if (headEnd === -1) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(answer)?.[1] ?? '0';
  return answer.length >= headEnd + 4 + Number(length);
}
