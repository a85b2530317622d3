import { appendFileSync } from 'node:fs';

export type ProviderName = 'twilio' | 'chat-gateway';

/** One request and its answer, as a contract checker needs them. Credentials in headers are replaced by `[redacted]`. */
export interface Exchange {
  /** `to-provider`: Causeway called the simulator. `to-product`: the simulator called a webhook. */
  direction: 'to-provider' | 'to-product';
  provider: ProviderName;
  /** The simulator's name of the operation, `unknown` for a path it does not serve; for webhooks the kind of call. */
  operation: string;
  method: string;
  /** Path without query, as sent (still percent-encoded). */
  path: string;
  /** Decoded query, in order of appearance. */
  query: [name: string, value: string][];
  requestHeaders: Record<string, string>;
  requestBody: string;
  /** Null when no answer was sent (or received). */
  status: number | null;
  responseHeaders: Record<string, string>;
  responseBody: string;
  /** The fault that shaped the answer: such an answer need not conform. */
  fault?: string;
}

export type OnExchange = (exchange: Exchange) => void;

const SECRET_HEADERS = new Set([
  'authorization',
  'x-api-key',
  'x-8x8-signature',
  'x-twilio-signature',
  'cookie',
]);

/** Header names in lower case, secrets replaced: exchanges end up in files. */
export function plainHeaders(
  headers: Record<string, string | string[] | number | undefined>,
): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    const key = name.toLowerCase();
    plain[key] = SECRET_HEADERS.has(key) ? '[redacted]' : String(value);
  }
  return plain;
}

/** Appends each exchange to `file` as one JSON line; synchronously, so that a killed process loses none. */
export function recordExchangesIn(file: string): OnExchange {
  return (exchange) => appendFileSync(file, `${JSON.stringify(exchange)}\n`);
}
