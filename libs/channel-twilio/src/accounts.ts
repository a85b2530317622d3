import type { Configuration } from '#platform';
import type { TwilioClientOptions } from './http-client.js';

/** How calls are made for the main account, and the tokens of the sub-accounts that log in by themselves. */
export interface AccountsOptions extends TwilioClientOptions {
  subAccounts?: Readonly<Record<string, readonly string[]>>;
}

/** The options of a REST client for this account; undefined for one that is not ours. */
export function clientOptionsOf(options: AccountsOptions, account: string): TwilioClientOptions | undefined {
  const { subAccounts = {}, ...main } = options;
  if (account === main.accountSid) return main;
  if (!Object.hasOwn(subAccounts, account)) return undefined;
  const [password = '', ...otherPasswords] = subAccounts[account] ?? [];
  return { ...main, accountSid: account, username: account, password, otherPasswords };
}

/** An API key outlives every token, so it is preferred; sub-accounts have their tokens. */
export function accountsOptions(configuration: Configuration): AccountsOptions {
  const { twilioAccountSid, twilioAuthToken, twilioApiKeySid, twilioApiKeySecret, twilioSubaccounts } =
    configuration;
  const [authToken = '', ...otherPasswords] = twilioAuthToken;
  const hasApiKey = twilioApiKeySid !== undefined && twilioApiKeySecret !== undefined;
  return {
    accountSid: twilioAccountSid,
    ...(hasApiKey
      ? { username: twilioApiKeySid, password: twilioApiKeySecret }
      : { username: twilioAccountSid, password: authToken, otherPasswords }),
    ...(twilioSubaccounts && { subAccounts: twilioSubaccounts }),
    apiBaseUrl: configuration.twilioApiBaseUrl,
    messagingBaseUrl: configuration.twilioMessagingBaseUrl,
    contentBaseUrl: configuration.twilioContentBaseUrl,
  };
}
