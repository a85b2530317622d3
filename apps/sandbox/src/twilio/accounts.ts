import { type Answer, type Call, header } from '../common/http.js';
import { notFound, twilioError } from './errors.js';
import type { TwilioSimulatorOptions } from './settings.js';

/** The account and its sub-accounts: who may call for which of them, whose number is whose, and whose token signs. */
export class Accounts {
  readonly #options: TwilioSimulatorOptions;

  constructor(options: TwilioSimulatorOptions) {
    this.#options = options;
  }

  /** The numbers of all accounts. */
  get numbers(): readonly string[] {
    return this.#all.flatMap(({ numbers = [] }) => numbers);
  }

  /** None = every number is one of the account. */
  numbersOf(accountSid: string): readonly string[] {
    return this.#all.find((account) => account.accountSid === accountSid)?.numbers ?? [];
  }

  /** The account that owns a number of ours. */
  ownerOf(number: string): string {
    const owner = this.#all.find(({ numbers = [] }) => numbers.includes(number));
    return owner?.accountSid ?? this.#options.accountSid;
  }

  /** The token that signs the webhooks of an account. */
  tokenOf(accountSid: string): string {
    return this.#all.find((account) => account.accountSid === accountSid)?.authTokens[0] ?? '';
  }

  /** The account that a call's credentials are of. */
  caller(call: Call): string | undefined {
    return this.#known(call)?.accountSid;
  }

  /** 401 without valid credentials, 404 for another account's path; a sub-account's is open to the main account's token. */
  refusal(call: Call): Answer | undefined {
    const known = this.#known(call);
    if (known === undefined) return twilioError(20003);
    const wanted = call.params['AccountSid'];
    if (wanted === undefined || wanted === known.accountSid) return undefined;
    const { accountSid, subAccounts = [] } = this.#options;
    const below = subAccounts.some((account) => account.accountSid === wanted);
    return known.accountSid === accountSid && !known.byKey && below ? undefined : notFound(call);
  }

  #known(call: Call): { accountSid: string; byKey: boolean } | undefined {
    const [scheme = '', encoded = ''] = (header(call, 'authorization') ?? '').split(' ');
    if (scheme.toLowerCase() !== 'basic') return undefined;
    const [user, ...rest] = Buffer.from(encoded, 'base64').toString().split(':');
    const secret = rest.join(':');
    const { apiKeySid, apiKeySecret, accountSid } = this.#options;
    if (apiKeySid !== undefined && user === apiKeySid && secret === apiKeySecret) {
      return { accountSid, byKey: true };
    }
    const found = this.#all.find(
      (account) => account.accountSid === user && account.authTokens.includes(secret),
    );
    return found && { accountSid: found.accountSid, byKey: false };
  }

  get #all(): readonly { accountSid: string; authTokens: readonly string[]; numbers?: readonly string[] }[] {
    const { accountSid, authTokens, numbers = [], subAccounts = [] } = this.#options;
    return [{ accountSid, authTokens, numbers }, ...subAccounts];
  }
}
