import type { DataSource } from 'typeorm';
import type { TwilioProvisioning } from '#channel-twilio';
import type { Direction, ProviderWords } from '#core';
import type { Tenants } from '#platform';

export interface OperatorApiOptions {
  /** Need not be connected: it is at the first request that needs it. Closed by its owner. */
  dataSource: DataSource;
  /** What `Authorization: Bearer` must carry. */
  apiKey: string;
  /** The account that numbers belong to where nobody says another one. */
  twilioAccountSid: string;
  /** Whom the key is good for, and whose each account is. */
  tenants: Tenants;
  /** Points numbers at us. */
  provisioning: TwilioProvisioning;
  /** What the provider at the far end of each direction means by its answers. */
  words: Record<Direction, ProviderWords>;
}

/** DI token of {@link OperatorApiOptions}. */
export const OPERATOR_API_OPTIONS = Symbol('OPERATOR_API_OPTIONS');
