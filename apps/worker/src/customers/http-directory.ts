import { v7 as uuid } from 'uuid';
import { CustomerDirectory, DIRECTORY_CACHE_MINUTES, type DeskUser, type DirectoryRequest } from '#core';
import { ProviderHttpError, type HookSigner, type Logger, type Metrics, type ProviderHttp } from '#platform';
import { readDirectoryAnswer } from './directory-answer.js';

const TIMEOUT_MS = 2_000;
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_KNOWN = 10_000;
/** For so long nobody asks a directory that gave no answer: each message would wait for its time-out. */
const PAUSE_MS = 10_000;

export interface HttpDirectoryOptions {
  http: Pick<ProviderHttp, 'request'>;
  /** Where it does not sign nobody is asked. */
  signer: Pick<HookSigner, 'headers'>;
  metrics: Pick<Metrics, 'directoryLookUps'>;
  logger: Pick<Logger, 'warn'>;
  /** Monotonic milliseconds. */
  nowMs?: () => number;
}

/**
 * Asks a number's directory by HTTP: `POST {channel, number, address}`, signed by the rules of Standard Webhooks. It answers 200
 * with what it knows, or 204 or 404. Answers are kept in this process.
 */
export class HttpDirectory extends CustomerDirectory {
  /** The oldest first. */
  private readonly known = new Map<string, { user: DeskUser | undefined; untilMs: number }>();
  private readonly pausedUntilMs = new Map<string, number>();

  constructor(private readonly options: HttpDirectoryOptions) {
    super();
  }

  override async lookUp(request: DirectoryRequest): Promise<DeskUser | undefined> {
    const { tenantId, directory, channel, number, address } = request;
    const key = JSON.stringify([tenantId, directory.url, channel, number, address]);
    const known = this.known.get(key);
    if (known && known.untilMs > this.nowMs()) return this.counted('cached', known.user);
    const id = `msg_${uuid()}`;
    const body = JSON.stringify({ channel, number, address });
    const signed = this.options.signer.headers(tenantId, { id, at: new Date(), body });
    if (!signed) return this.counted('unsigned');
    if ((this.pausedUntilMs.get(directory.url) ?? 0) > this.nowMs()) return this.counted('paused');
    try {
      const answer = await this.ask(directory.url, body, signed);
      this.pausedUntilMs.delete(directory.url);
      if (answer === 'invalid') return this.counted('invalid');
      this.keep(key, answer, (directory.cacheMinutes ?? DIRECTORY_CACHE_MINUTES) * 60_000);
      return this.counted(answer ? 'found' : 'unknown', answer);
    } catch (error) {
      // Neither the address of the directory nor what it said stands in a log.
      const code = error instanceof ProviderHttpError ? error.code : 'unexpected-answer';
      this.options.logger.warn({ code }, 'A directory of customers gave no answer.');
      this.pausedUntilMs.set(directory.url, this.nowMs() + PAUSE_MS);
      return this.counted('failed');
    }
  }

  private async ask(
    url: string,
    body: string,
    signed: Record<string, string>,
  ): Promise<DeskUser | 'invalid' | undefined> {
    const { status, body: answer } = await this.options.http.request({
      method: 'POST',
      url,
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        ...signed,
      },
      body,
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes: MAX_ANSWER_BYTES,
    });
    if (status === 204 || status === 404) return undefined;
    if (status !== 200) throw new Error('The directory answered neither 200, 204 nor 404.');
    return readDirectoryAnswer(answer) ?? 'invalid';
  }

  private keep(key: string, user: DeskUser | undefined, forMs: number): void {
    this.known.delete(key);
    if (forMs > 0) this.known.set(key, { user, untilMs: this.nowMs() + forMs });
    const [oldest] = this.known.keys();
    if (this.known.size > MAX_KNOWN && oldest !== undefined) this.known.delete(oldest);
  }

  private counted(result: string, user?: DeskUser): DeskUser | undefined {
    this.options.metrics.directoryLookUps.inc({ result });
    return user;
  }

  private nowMs(): number {
    return (this.options.nowMs ?? (() => performance.now()))();
  }
}
