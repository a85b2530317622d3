import { Tenants } from '#platform';

const HOOK_SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;

/** The default tenant, with a main account and others, and further tenants with theirs. */
export function testTenants(
  mainAccount: string,
  {
    accounts = [],
    tenants = {},
    hookSecrets = { default: [HOOK_SECRET] },
  }: {
    accounts?: string[];
    tenants?: Record<string, string[]>;
    hookSecrets?: Record<string, string[]>;
  } = {},
): Tenants {
  const all = [...accounts, ...Object.values(tenants).flat()];
  return new Tenants({
    twilioAccountSid: mainAccount,
    twilioSubaccounts: Object.fromEntries(all.map((account) => [account, ['token']])),
    chatGatewayApiKey: 'default-key',
    chatGatewayTenantId: 'default01',
    chatGatewayCustomerId: 'customer',
    ...(hookSecrets['default'] && { hookSigningSecret: hookSecrets['default'] }),
    tenants: Object.entries(tenants).map(([id, twilioAccounts]) => ({
      id,
      chatGateway: { apiKey: `${id}-key`, tenantId: `${id}01`, customerId: 'customer' },
      twilioAccounts,
      ...(hookSecrets[id] && { hookSigningSecret: hookSecrets[id] }),
    })),
  });
}
