import type { ProviderHttp } from '#platform';
import { clientOptionsOf, type AccountsOptions } from './accounts.js';
import type { TwilioRest } from './http-client.js';

/** Twilio's REST clients, one for each account. The package is loaded when the first is asked for. */
export class RestClients {
  private readonly byAccount = new Map<string, Promise<TwilioRest>>();

  constructor(
    private readonly http: ProviderHttp,
    private readonly options: AccountsOptions,
  ) {}

  /** The client that logs in as this account; undefined for one that is not ours. */
  of(account: string): Promise<TwilioRest> | undefined {
    const options = clientOptionsOf(this.options, account);
    if (!options) return undefined;
    let rest = this.byAccount.get(account);
    if (!rest) {
      rest = import('./http-client.js').then(({ createTwilioRest }) => createTwilioRest(this.http, options));
      this.byAccount.set(account, rest);
    }
    return rest;
  }
}
