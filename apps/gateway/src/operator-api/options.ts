import type { DataSource } from 'typeorm';
import type { TwilioProvisioning } from '#channel-twilio';
import type { DeskPort, Direction, ProviderWords } from '#core';
import type { ChatGatewayProvisioning, FigureAccountsOf } from '#desk-chat-gateway';
import type { ProviderHttp, Tenants } from '#platform';

export interface OperatorApiOptions {
  /** Need not be connected: it is at the first request that needs it. Closed by its owner. */
  dataSource: DataSource;
  /** What `Authorization: Bearer` must carry. */
  apiKey: string;
  /** The account that numbers belong to where nobody says another one. */
  twilioAccountSid: string;
  /** Whom the key is good for, and whose each account is. */
  tenants: Tenants;
  /** Changes conversations while an operator waits. */
  desk: Pick<DeskPort, 'updateConversation'>;
  /** Points numbers at us. */
  provisioning: TwilioProvisioning;
  /** Sets up webhook and channels in the Chat Gateway account of a tenant. */
  deskProvisioning: (tenantId: string) => ChatGatewayProvisioning;
  /** What the doctor looks at beside the accounts. */
  doctor: {
    publicBaseUrl: string;
    fallbackBaseUrl?: string | undefined;
    twilioBaseUrl: string;
    redisUrl?: string | undefined;
    http: ProviderHttp;
    /** Where each tenant's schedules and figures are. */
    accountsOf: FigureAccountsOf;
  };
  /** What the provider at the far end of each direction, and a bot, means by its answers. */
  words: Record<Direction | 'bot', ProviderWords>;
}

/** DI token of {@link OperatorApiOptions}. */
export const OPERATOR_API_OPTIONS = Symbol('OPERATOR_API_OPTIONS');
