import { Tenants } from '#platform';

/** The default tenant, with a main account and others, and further tenants with theirs. */
export function testTenants(
  mainAccount: string,
  { accounts = [], tenants = {} }: { accounts?: string[]; tenants?: Record<string, string[]> } = {},
): Tenants {
  const all = [...accounts, ...Object.values(tenants).flat()];
  return new Tenants({
    twilioAccountSid: mainAccount,
    twilioSubaccounts: Object.fromEntries(all.map((account) => [account, ['token']])),
    chatGatewayApiKey: 'default-key',
    chatGatewayTenantId: 'default01',
    chatGatewayCustomerId: 'customer',
    tenants: Object.entries(tenants).map(([id, twilioAccounts]) => ({
      id,
      chatGateway: { apiKey: `${id}-key`, tenantId: `${id}01`, customerId: 'customer' },
      twilioAccounts,
    })),
  });
}
