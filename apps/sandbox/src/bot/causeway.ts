export interface HandOver {
  threadId: string;
  user: {
    name?: string;
    language?: string;
    properties: Record<string, string>;
  };
  history: { authorType: 'user' | 'bot'; text: string }[];
  survey: { maxTotalMinutes: number; userTimeoutMinutes: number };
  idempotencyKey: string;
}

/** What the bot asks of Causeway. Each call may be made again under its key. */
export interface Causeway {
  say(message: { threadId: string; text: string; idempotencyKey: string }): Promise<void>;
  handOver(handOver: HandOver): Promise<void>;
}

/** Causeway will not do it, however often it is asked. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

const TIMEOUT_MS = 5000;

/** Over the operator API. Whatever is not 2xx throws, {@link RefusedError} where it is for good. */
export function causewayAt(baseUrl: string, key: string): Causeway {
  const post = async (path: string, body: object): Promise<void> => {
    const response = await fetch(`${baseUrl}/api/v1/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    const { ok, status } = response;
    if (ok) return;
    const message = `Causeway answered ${status} to ${path}.`;
    const forGood = status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status);
    throw forGood ? new RefusedError(message) : new Error(message);
  };
  return {
    say: async ({ threadId, text, idempotencyKey }) =>
      post('messages', { threadId, content: { type: 'text', text }, idempotencyKey }),
    handOver: async (handOver) => post('handoffs', handOver),
  };
}
