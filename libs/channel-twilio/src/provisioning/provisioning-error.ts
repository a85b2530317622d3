/**
 * Why nothing can be said or done: `unsuitable-url`: Twilio cannot be pointed at our own address; `unknown-address`: the account
 * has no such number, service or sender; `other-account`: it is none of ours; `bad-credentials`, `no-permission`: Twilio refuses
 * us; `refused`: it refuses the change; `not-available`: it did not answer, and the same may work later.
 */
export type ProvisioningErrorCode =
  | 'unsuitable-url'
  | 'unknown-address'
  | 'other-account'
  | 'bad-credentials'
  | 'no-permission'
  | 'refused'
  | 'not-available';

/** One sentence for operators, without personal data. */
export class ProvisioningError extends Error {
  constructor(
    readonly code: ProvisioningErrorCode,
    message: string,
    options: { httpStatus?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'ProvisioningError';
    this.httpStatus = options.httpStatus;
  }

  readonly httpStatus: number | undefined;
}

/** What an answer other than 2xx means. Nothing of its body but the code is kept: Twilio's messages quote numbers. */
export function refusalOf(httpStatus: number, providerCode: string | undefined): ProvisioningError {
  const code = providerCode === undefined ? '' : ` (${providerCode})`;
  const refused = (name: ProvisioningErrorCode, message: string) =>
    new ProvisioningError(name, message, { httpStatus });
  if (httpStatus === 401) {
    return refused('bad-credentials', `Twilio refuses the credentials of this account${code}.`);
  }
  if (httpStatus === 403) {
    return refused(
      'no-permission',
      `The credentials of this account may not read or change its webhooks${code}: give the API key more rights, or use the auth token.`,
    );
  }
  if (httpStatus === 404) {
    return refused('unknown-address', `Twilio does not have this any more, or not in this account${code}.`);
  }
  if (httpStatus === 429 || httpStatus >= 500) {
    return refused(
      'not-available',
      `Twilio cannot answer now (HTTP ${httpStatus}${code}): try again in a while.`,
    );
  }
  if (httpStatus < 400) {
    return refused('refused', `Whoever answers at TWILIO_API_BASE_URL is not its API (HTTP ${httpStatus}).`);
  }
  return refused('refused', `Twilio refuses this (HTTP ${httpStatus}${code}).`);
}
