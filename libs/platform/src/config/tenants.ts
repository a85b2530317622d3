import type { ConfigurationByRole } from './configuration.js';
import {
  DEFAULT_TENANT,
  type ChatGatewayCredentials,
  type TenantMetrics,
  type TenantSchedules,
} from './tenants-variable.js';

/** One customer of ours: its Twilio accounts, and how the Chat Gateway knows it. */
export interface Tenant {
  id: string;
  chatGateway: Readonly<ChatGatewayCredentials>;
  twilioAccounts: readonly string[];
  schedules?: Readonly<TenantSchedules>;
  metrics?: Readonly<TenantMetrics>;
  /** Absent: as {@link DEFAULT_TENANT} has it. */
  hookSigningSecret?: readonly string[];
}

type Described = Pick<
  ConfigurationByRole['worker'],
  | 'twilioAccountSid'
  | 'twilioSubaccounts'
  | 'chatGatewayApiKey'
  | 'chatGatewayTenantId'
  | 'chatGatewayCustomerId'
  | 'tenants'
  | 'hookSigningSecret'
>;

/** Who our tenants are. An account of Twilio's that no other tenant lists is the default one's. */
export class Tenants {
  /** The default one first, then in the order of `TENANTS`. */
  readonly all: readonly Tenant[];
  private readonly plainHookSecrets: readonly string[];
  private readonly byId: ReadonlyMap<string, Tenant>;
  private readonly byAccount: ReadonlyMap<string, Tenant>;

  constructor(configuration: Described) {
    const { twilioAccountSid, twilioSubaccounts = {}, tenants = [], hookSigningSecret = [] } = configuration;
    this.plainHookSecrets = hookSigningSecret;
    const taken = new Set(tenants.flatMap(({ twilioAccounts }) => twilioAccounts));
    const own = [twilioAccountSid, ...Object.keys(twilioSubaccounts)].filter(
      (account) => !taken.has(account),
    );
    this.all = [
      {
        id: DEFAULT_TENANT,
        chatGateway: {
          apiKey: configuration.chatGatewayApiKey,
          tenantId: configuration.chatGatewayTenantId,
          customerId: configuration.chatGatewayCustomerId,
        },
        twilioAccounts: own,
      },
      ...tenants,
    ];
    this.byId = new Map(this.all.map((tenant) => [tenant.id, tenant]));
    this.byAccount = new Map(
      this.all.flatMap((tenant) => tenant.twilioAccounts.map((account) => [account, tenant] as const)),
    );
  }

  get ids(): string[] {
    return this.all.map(({ id }) => id);
  }

  of(id: string): Tenant | undefined {
    return this.byId.get(id);
  }

  /** What calls to the tenant's hooks are signed with; none: they are not called. */
  hookSecretsOf(id: string): readonly string[] {
    const tenant = this.of(id);
    return tenant ? (tenant.hookSigningSecret ?? this.plainHookSecrets) : [];
  }

  /** Whose numbers this account's are; undefined for an account that is not ours. */
  ofTwilioAccount(accountSid: string): Tenant | undefined {
    return this.byAccount.get(accountSid);
  }
}
