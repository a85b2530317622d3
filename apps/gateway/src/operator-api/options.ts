import type { DataSource } from 'typeorm';
import type { TwilioProvisioning } from '#channel-twilio';
import type { Direction, ProviderWords } from '#core';

export interface OperatorApiOptions {
  /** Need not be connected: it is at the first request that needs it. Closed by its owner. */
  dataSource: DataSource;
  /** What `Authorization: Bearer` must carry. */
  apiKey: string;
  /** The account that numbers belong to. */
  twilioAccountSid: string;
  /** Sub-accounts that numbers may belong to instead. */
  twilioSubaccountSids?: readonly string[];
  /** Points numbers at us. */
  provisioning: TwilioProvisioning;
  /** Whether there is a secret that posts to bots are signed with. */
  signsHooks: boolean;
  /** What the provider at the far end of each direction, and a bot, means by its answers. */
  words: Record<Direction | 'bot', ProviderWords>;
}

/** DI token of {@link OperatorApiOptions}. */
export const OPERATOR_API_OPTIONS = Symbol('OPERATOR_API_OPTIONS');
