import type { BusinessNumber } from '#persistence';
import { ProviderHttpError, type ProviderHttp } from '#platform';
import { check, fail, ok, type Check, type Within } from './check.js';

/** Each bot's URL once. */
export function botUrls(numbers: readonly BusinessNumber[]): string[] {
  return [...new Set(numbers.flatMap(({ settings: { bot } }) => (bot ? [bot.url] : [])))];
}

/** Whether anything answers at a bot's URL, and our calls are signed. The bot gets no event. */
export async function botCheck(
  url: string,
  { signsHooks, http, within }: { signsHooks: boolean; http: ProviderHttp; within: Within },
): Promise<Check> {
  // No more than the host: what follows may be a secret.
  const of = ['bot', `Bot at ${new URL(url).host}`] as const;
  if (!signsHooks) {
    const remedy = 'Set HOOK_SIGNING_SECRET, the same in gateways, workers and the bot; restart them.';
    return check(...of, fail('HOOK_SIGNING_SECRET is not set: no bot is called without.', remedy));
  }
  try {
    const { status } = await http.request({ method: 'HEAD', url, ...within() });
    return check(...of, ok(`Something answers there (HTTP ${status}).`));
  } catch (error) {
    if (!(error instanceof ProviderHttpError)) throw error;
    const remedy =
      "Set settings.bot.url to where the bot is, start it, or see that this machine may reach it. Customers' messages wait.";
    return check(...of, fail(`It cannot be reached from here (${error.code}).`, remedy));
  }
}
