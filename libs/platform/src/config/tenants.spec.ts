import { describe, expect, it } from 'vitest';
import { ConfigurationError, readConfiguration, secretValues } from './read-configuration.js';
import { Tenants } from './tenants.js';

const MAIN = 'AC00000000000000000000000000000001';
const complete = {
  DATABASE_URL: 'postgres://causeway@db.internal/causeway',
  TWILIO_ACCOUNT_SID: MAIN,
  TWILIO_AUTH_TOKEN: 'token-one',
  TWILIO_SUBACCOUNTS: 'ACown:one,ACacme:two,ACbolt:three',
  CHAT_GATEWAY_API_KEY: 'gateway-key',
  CHAT_GATEWAY_TENANT_ID: 'tenant01',
  CHAT_GATEWAY_CUSTOMER_ID: 'customer01',
};
const chatGateway = { apiKey: 'acme-canary-key', tenantId: 'acme01', customerId: 'customer02' };
const acme = { id: 'acme', chatGateway, twilioAccounts: ['ACacme'] };
const bolt = {
  id: 'bolt',
  chatGateway: { ...chatGateway, tenantId: 'bolt01' },
  twilioAccounts: ['ACbolt'],
};

function read(...tenants: unknown[]) {
  return readConfiguration('worker', { ...complete, TENANTS: JSON.stringify(tenants) });
}

function complaint(...tenants: unknown[]): string {
  try {
    read(...tenants);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error('It should have been refused.');
}

describe(Tenants.name, () => {
  it('knows the tenant of the plain variables, to whom every account belongs', () => {
    const tenants = new Tenants(readConfiguration('worker', complete));
    const { CHAT_GATEWAY_API_KEY: apiKey } = complete;
    expect(tenants.all).toEqual([
      {
        id: 'default',
        chatGateway: { apiKey, tenantId: 'tenant01', customerId: 'customer01' },
        twilioAccounts: [MAIN, 'ACown', 'ACacme', 'ACbolt'],
      },
    ]);
    expect(tenants.ofTwilioAccount(MAIN)?.id).toBe('default');
    expect(tenants.ofTwilioAccount('ACnobody')).toBeUndefined();
  });

  it('knows where the hours and figures of each are', () => {
    const figures = {
      schedules: { baseUrl: 'https://vcc-eu3.example.com', dataToken: 'schedule-canary' },
      metrics: { region: 'eu', apiKey: 'metrics-key', apiSecret: 'metrics-canary' },
    };
    const configuration = read({ ...acme, ...figures }, bolt);
    const tenants = new Tenants(configuration);
    expect(tenants.of('acme')).toMatchObject(figures);
    expect(tenants.of('bolt')?.schedules).toBeUndefined();
    expect(secretValues(configuration)).toEqual(
      expect.arrayContaining(['schedule-canary', 'metrics-key', 'metrics-canary']),
    );
    expect(complaint({ ...acme, schedules: { dataToken: 'schedule-canary' } })).toBe(
      'TENANTS[0].schedules.baseUrl must be set where SCHEDULE_BASE_URL is not.',
    );
    expect(complaint({ ...acme, schedules: { ...figures.schedules, baseUrl: 'ftp://x' } })).toBe(
      'TENANTS[0].schedules.baseUrl must be an http(s) URL.',
    );
    const odd = { ...acme, chatGateway: { ...chatGateway, tenantId: 'acme:01' } };
    expect(complaint({ ...acme, schedules: { ...figures.schedules, tenant: 'acme:01' } })).toBe(
      "TENANTS[0].schedules.tenant must be a tenant's name, 1 to 256 visible ASCII characters without spaces, quotes and backslashes, and without colons.",
    );
    expect(complaint({ ...odd, schedules: figures.schedules })).toBe(
      'TENANTS[0].schedules.tenant must be set where chatGateway.tenantId has a colon.',
    );
    expect(read(odd).tenants).toHaveLength(1);
    expect(read({ ...odd, schedules: { ...figures.schedules, tenant: 'acme01' } }).tenants).toHaveLength(1);
    expect(complaint({ ...acme, metrics: { ...figures.metrics, region: 'moon' } })).toBe(
      'TENANTS[0].metrics.region must be one of eu, au, ca.',
    );
    expect(complaint({ ...acme, metrics: { apiKey: 'metrics-key' } })).toMatch(
      /^TENANTS\[0\]\.metrics\.apiSecret must/,
    );
  });

  it('gives each account to the tenant that lists it', () => {
    const tenants = new Tenants(read(acme, bolt));
    expect(tenants.ids).toEqual(['default', 'acme', 'bolt']);
    expect(tenants.of('acme')).toEqual(acme);
    expect(tenants.of('nobody')).toBeUndefined();
    expect(
      [MAIN, 'ACown', 'ACacme', 'ACbolt'].map((account) => tenants.ofTwilioAccount(account)?.id),
    ).toEqual(['default', 'default', 'acme', 'bolt']);
    expect(tenants.of('default')?.twilioAccounts).toEqual([MAIN, 'ACown']);
  });

  it('takes tenants of one customer of 8x8, and a key that several share', () => {
    expect(new Tenants(read(acme, bolt)).of('bolt')?.chatGateway).toEqual({
      ...chatGateway,
      tenantId: 'bolt01',
    });
  });
});

describe('TENANTS', () => {
  it('counts its keys among the secrets, and no id', () => {
    const secrets = secretValues(read(acme));
    expect(secrets).toContain('acme-canary-key');
    for (const id of ['acme', 'acme01', 'customer02', 'ACacme']) expect(secrets).not.toContain(id);
  });

  it.each<[wrong: unknown[], line: string]>([
    [['acme'], '[0] must be an object'],
    [[acme, null], '[1] must be an object'],
    [[{ ...acme, id: 'Acme' }], '[0].id must be 1 to 63 small letters, digits and hyphens'],
    [[{ ...acme, id: 7 }], '[0].id must be 1 to 63 small letters, digits and hyphens'],
    [[{ ...acme, id: 'default' }], '[0].id must not be "default": the plain variables describe that one'],
    [[acme, { ...bolt, id: 'acme' }], '[1].id must be another one than those before'],
    [[{ ...acme, chatGateway: undefined }], '[0].chatGateway must be an object'],
    [[{ ...acme, chatGateway: 'acme-canary-key' }], '[0].chatGateway must be an object'],
    [[{ ...acme, chatGateway: [chatGateway] }], '[0].chatGateway must be an object'],
    [
      [{ ...acme, chatGateway: { ...chatGateway, apiKey: 'canary key' } }],
      '[0].chatGateway.apiKey must be an API key, visible ASCII characters without spaces',
    ],
    [
      [acme, { ...bolt, chatGateway: { ...chatGateway, tenantId: 'a"b' } }],
      '[1].chatGateway.tenantId must be a tenant id, 1 to 256 visible ASCII characters without spaces, quotes and backslashes',
    ],
    [
      [{ ...acme, chatGateway: { apiKey: 'k', tenantId: 'acme01' } }],
      '[0].chatGateway.customerId must be a customer id, 1 to 256 visible ASCII characters without spaces, quotes and backslashes',
    ],
    [
      [acme, { ...bolt, chatGateway }],
      '[1].chatGateway must have another tenantId or customerId than the tenants before and the plain variables',
    ],
    [
      [{ ...acme, chatGateway: { ...chatGateway, tenantId: 'tenant01', customerId: 'customer01' } }],
      '[0].chatGateway must have another tenantId or customerId than the tenants before and the plain variables',
    ],
    [[{ ...acme, canary: 'acme-canary-key' }], '[0] must have no other fields than it is documented to have'],
    [
      [{ ...acme, chatGateway: { ...chatGateway, canary: 1 } }],
      '[0].chatGateway must have no other fields than it is documented to have',
    ],
    [
      [{ ...acme, twilioAccounts: undefined }],
      '[0].twilioAccounts must be a list of Twilio account SIDs (AC…)',
    ],
    [[{ ...acme, twilioAccounts: [] }], '[0].twilioAccounts must be a list of Twilio account SIDs (AC…)'],
    [[{ ...acme, twilioAccounts: ['SK1'] }], '[0].twilioAccounts must be Twilio account SIDs (AC…)'],
    [[{ ...acme, twilioAccounts: [1] }], '[0].twilioAccounts must be Twilio account SIDs (AC…)'],
    [
      [{ ...acme, twilioAccounts: ['ACacme', 'ACacme'] }],
      '[0].twilioAccounts must not list an account twice',
    ],
    [
      [acme, { ...bolt, twilioAccounts: ['ACbolt', 'ACacme'] }],
      '[1].twilioAccounts[1] must belong to one tenant only',
    ],
    [
      [{ ...acme, twilioAccounts: ['ACelse'] }],
      '[0].twilioAccounts[0] must be an account in TWILIO_SUBACCOUNTS, where its token stands',
    ],
    [
      [{ ...acme, twilioAccounts: [MAIN] }],
      '[0].twilioAccounts[0] must be an account in TWILIO_SUBACCOUNTS, where its token stands',
    ],
  ])('refuses %j', (tenants, line) => {
    expect(complaint(...tenants)).toBe(`TENANTS${line}.`);
    expect(complaint(...tenants)).not.toContain('canary');
  });

  it('says which way it is no list', () => {
    for (const TENANTS of ['acme', '[', '{}', '"acme"', JSON.stringify(Array.from({ length: 1_001 }))]) {
      expect(() => readConfiguration('worker', { ...complete, TENANTS })).toThrow(
        'TENANTS must be a JSON array of at most 1000 tenants.',
      );
    }
  });

  it('is the default tenant alone where it is empty', () => {
    expect(new Tenants(read()).ids).toEqual(['default']);
  });

  it('says nothing of accounts to a program that calls nobody', () => {
    const TENANTS = JSON.stringify([acme]);
    expect(
      readConfiguration('migrate', { DATABASE_URL: complete.DATABASE_URL, TENANTS }).tenants,
    ).toHaveLength(1);
  });
});
