/** `before-write`: not one byte of the request was handed to a socket. `after-write`: anything may have happened. */
export type ProviderHttpPhase = 'before-write' | 'after-write';

/**
 * What broke. `stopped`: by us (`beforeFirstByte` threw, or the client was destroyed). `deadline`: the time was up,
 * wherever the call stood. `invalid-response`: what came was not HTTP.
 */
export type ProviderHttpErrorCode =
  | 'dns'
  | 'connect-refused'
  | 'connect-timeout'
  | 'tls'
  | 'connection-lost'
  | 'deadline'
  | 'response-too-large'
  | 'stopped'
  | 'invalid-response';

/** The one way a call ends without a whole response. Carries neither the request nor the response. */
export class ProviderHttpError extends Error {
  constructor(
    readonly phase: ProviderHttpPhase,
    readonly code: ProviderHttpErrorCode,
    cause?: unknown,
  ) {
    super(
      `The call ended ${phase === 'before-write' ? 'before' : 'after'} the request was written: ${code}.`,
      { cause },
    );
    this.name = 'ProviderHttpError';
  }
}

const CODES: Readonly<Record<string, ProviderHttpErrorCode>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  EAI_NONAME: 'dns',
  ECONNREFUSED: 'connect-refused',
  EHOSTUNREACH: 'connect-refused',
  ENETUNREACH: 'connect-refused',
  EHOSTDOWN: 'connect-refused',
  ENETDOWN: 'connect-refused',
  EADDRNOTAVAIL: 'connect-refused',
  ETIMEDOUT: 'connect-timeout',
  UND_ERR_HEADERS_OVERFLOW: 'response-too-large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'connection-lost',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'response-too-large',
};

/** The code for an error of the socket or of the HTTP client; whatever is unknown counts as a lost connection. */
export function codeOf(error: unknown): ProviderHttpErrorCode {
  // All addresses of a name failed: what the last one said stands for all.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors.at(-1));
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  return CODES[code] ?? 'connection-lost';
}
