import type { ProviderWords } from '#core';

const REASONS: Readonly<Record<string, string>> = {
  'bot-refuses-signature':
    'It refuses our signature: its secret must be one of HOOK_SIGNING_SECRET, or of its own tenant (TENANTS).',
  'bot-not-found': 'Nobody listens at its address (settings.bot.url of the number).',
  'bot-redirects': 'It answers with a redirect, which is not followed: settings.bot.url must be where it is.',
  'bot-unavailable': 'It does not work at the moment.',
  'bot-rate-limited': 'It wants fewer calls at the moment.',
  'bot-rejected': 'It does not want this message.',
  'hook-secret-missing':
    'HOOK_SIGNING_SECRET is not set, and neither is one of its tenant: nothing goes to a bot unsigned.',
  'no-bot': 'Its number has no bot any more.',
};

/** What became of messages to bots, for operators. */
export const botWords: ProviderWords = {
  name: 'The bot',
  reason: (code) => (Object.hasOwn(REASONS, code) ? REASONS[code] : undefined),
  providerCode: () => undefined,
};
