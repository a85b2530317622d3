import { ProviderHttpError } from '#platform';
import type { ProviderHttp, ProviderHttpRequest } from '#platform';

const TIMEOUT_MS = 2_000;
const MAX_ANSWER_BYTES = 64 * 1024;

export type FigureHttp = Pick<ProviderHttp, 'request'>;

/** The JSON of a 200; else why there is none, in kebab-case, with the status where one came. */
export type FigureAnswer = { json: unknown } | { code: string; status?: number };

/** One small read. Follows no redirect, waits 2 s at most, and never rejects: whatever goes wrong is an answer. */
export async function readJson(
  http: FigureHttp,
  request: () => Pick<ProviderHttpRequest, 'method' | 'url' | 'headers' | 'body'>,
): Promise<FigureAnswer> {
  try {
    const { status, body } = await http.request({
      ...request(),
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes: MAX_ANSWER_BYTES,
    });
    if (status !== 200) return { code: codeOf(status), status };
    return { json: JSON.parse(body.toString('utf8')) as unknown };
  } catch (error) {
    if (error instanceof ProviderHttpError) return { code: error.code };
    // A name that can stand in no path is a request that can never be made.
    return { code: error instanceof TypeError ? 'invalid-request' : 'garbage-answer' };
  }
}

function codeOf(status: number): string {
  if (status === 401 || status === 403) return 'unauthorized';
  if (status === 404) return 'not-found';
  return `status-${Math.trunc(status / 100)}xx`;
}

export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** A number, or its decimal text. */
export function asNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'string' && /^-?\d{1,15}(\.\d+)?$/.test(value.trim()) ? Number(value) : undefined;
}
