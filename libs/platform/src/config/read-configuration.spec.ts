import { describe, expect, it } from 'vitest';
import {
  ConfigurationError,
  providerCredentials,
  readConfiguration,
  secretValues,
} from './read-configuration.js';
import { environmentName, variables } from './variable.js';
import type { Environment, Role } from './variable.js';

const complete: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgres://causeway:pa%24%24word@db.internal/causeway',
  REDIS_URL: 'redis://:redispassword@cache.internal:6379',
  ADMIN_API_KEY: 'an-admin-key-of-24-chars',
  TWILIO_ACCOUNT_SID: 'AC00000000000000000000000000000001',
  TWILIO_AUTH_TOKEN: 'token-one, token-two',
  CHAT_GATEWAY_API_KEY: 'gateway-key',
  CHAT_GATEWAY_TENANT_ID: 'tenant01',
  CHAT_GATEWAY_CUSTOMER_ID: 'customer01',
};

function without(name: string): Environment {
  return { ...complete, [name]: undefined };
}

function complaint(role: Role, environment: Environment): string {
  try {
    readConfiguration(role, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).message;
  }
  throw new Error('It should have been refused.');
}

/** One value per variable that it must not have, and the line that says so. */
const wrong: [name: string, value: string, line: string][] = [
  ['PORT', '70000', 'PORT must be a whole number between 0 and 65535, but is "70000".'],
  ['HOST', 'http://here', 'HOST must be a host name or an IP address, but is "http://here".'],
  [
    'PUBLIC_BASE_URL',
    'ftp://here',
    'PUBLIC_BASE_URL must be an http(s) URL without user, query or fragment, but is "ftp://here".',
  ],
  ['DATABASE_URL', 'mysql://u:hunter22@h/d', 'DATABASE_URL must be a postgres:// URL.'],
  ['REDIS_URL', 'localhost:6379', 'REDIS_URL must be a redis:// or rediss:// URL.'],
  [
    'ADMIN_API_KEY',
    'too-short',
    'ADMIN_API_KEY must be at least 16 visible ASCII characters without spaces.',
  ],
  [
    'HOOK_SIGNING_SECRET',
    'whsec_short',
    'HOOK_SIGNING_SECRET must be at least 24 bytes in base64 (whsec_…).',
  ],
  ['TWILIO_ACCOUNT_SID', 'SK123', 'TWILIO_ACCOUNT_SID must be a Twilio account SID (AC…), but is "SK123".'],
  ['TWILIO_AUTH_TOKEN', ' , ', 'TWILIO_AUTH_TOKEN must be one auth token, or several separated by commas.'],
  [
    'TWILIO_SUBACCOUNTS',
    'ACsub',
    'TWILIO_SUBACCOUNTS must be ACsid:token entries separated by commas, each account once, with |oldtoken behind one that is being rotated.',
  ],
  ['TWILIO_API_KEY_SID', 'AC123', 'TWILIO_API_KEY_SID must be a Twilio API key SID (SK…), but is "AC123".'],
  [
    'TWILIO_API_KEY_SECRET',
    'with space',
    "TWILIO_API_KEY_SECRET must be the API key's secret, visible ASCII characters without spaces.",
  ],
  [
    'TWILIO_API_BASE_URL',
    'api.twilio.com',
    'TWILIO_API_BASE_URL must be an http(s) URL without user, query or fragment, but is "api.twilio.com".',
  ],
  [
    'TWILIO_MESSAGING_BASE_URL',
    'https://h/?a=b',
    'TWILIO_MESSAGING_BASE_URL must be an http(s) URL without user, query or fragment, but is "https://h/?a=b".',
  ],
  [
    'TWILIO_FALLBACK_BASE_URL',
    'https://h/#a',
    'TWILIO_FALLBACK_BASE_URL must be an http(s) URL without user, query or fragment, but is "https://h/#a".',
  ],
  [
    'TWILIO_CONTENT_BASE_URL',
    'content.twilio.com',
    'TWILIO_CONTENT_BASE_URL must be an http(s) URL without user, query or fragment, but is "content.twilio.com".',
  ],
  [
    'CHAT_GATEWAY_BASE_URL',
    'https://h/#a',
    'CHAT_GATEWAY_BASE_URL must be an http(s) URL without user, query or fragment, but is "https://h/#a".',
  ],
  [
    'CHAT_GATEWAY_API_KEY',
    'ключ',
    'CHAT_GATEWAY_API_KEY must be an API key, visible ASCII characters without spaces.',
  ],
  [
    'CHAT_GATEWAY_TENANT_ID',
    'a b',
    'CHAT_GATEWAY_TENANT_ID must be a tenant id, visible ASCII characters without spaces, but is "a b".',
  ],
  [
    'CHAT_GATEWAY_CUSTOMER_ID',
    'a\nb',
    'CHAT_GATEWAY_CUSTOMER_ID must be a customer id, visible ASCII characters without spaces, but is "a\\nb".',
  ],
  ['TENANTS', '{"id":"acme"}', 'TENANTS must be a JSON array of at most 1000 tenants.'],
  [
    'SCHEDULE_BASE_URL',
    'cluster',
    'SCHEDULE_BASE_URL must be an http(s) URL without user, query or fragment, but is "cluster".',
  ],
  [
    'SCHEDULE_TENANT',
    'a:b',
    'SCHEDULE_TENANT must be the name of a tenant, visible ASCII characters without spaces or colon, but is "a:b".',
  ],
  [
    'SCHEDULE_DATA_TOKEN',
    'a b',
    'SCHEDULE_DATA_TOKEN must be a data request token, visible ASCII characters without spaces.',
  ],
  [
    'SCHEDULE_CACHE_MS',
    '10',
    'SCHEDULE_CACHE_MS must be a whole number of milliseconds between 1000 and 600000, but is "10".',
  ],
  [
    'METRICS_BASE_URL',
    'https://h/?a=b',
    'METRICS_BASE_URL must be an http(s) URL without user, query or fragment, but is "https://h/?a=b".',
  ],
  ['METRICS_REGION', 'us', 'METRICS_REGION must be one of eu, au, ca, but is "us".'],
  [
    'METRICS_API_KEY',
    'a:b',
    'METRICS_API_KEY must be an API key, visible ASCII characters without spaces or colon.',
  ],
  [
    'METRICS_API_SECRET',
    'a b',
    "METRICS_API_SECRET must be the API key's secret, visible ASCII characters without spaces.",
  ],
  [
    'LANE_LEASE_MS',
    'abc',
    'LANE_LEASE_MS must be a whole number of milliseconds between 1000 and 600000, but is "abc".',
  ],
  [
    'SEND_TIMEOUT_MS',
    '1e3',
    'SEND_TIMEOUT_MS must be a whole number of milliseconds between 50 and 300000, but is "1e3".',
  ],
  [
    'SWEEP_INTERVAL_MS',
    '-5',
    'SWEEP_INTERVAL_MS must be a whole number of milliseconds between 50 and 600000, but is "-5".',
  ],
  ['UNCERTAIN_POLICY', 'drop', 'UNCERTAIN_POLICY must be one of retry, hold, but is "drop".'],
  [
    'UNCERTAIN_SETTLE_MS',
    '1.5',
    'UNCERTAIN_SETTLE_MS must be a whole number of milliseconds between 0 and 600000, but is "1.5".',
  ],
  [
    'LOOK_UP_PATIENCE_MS',
    'ten minutes',
    'LOOK_UP_PATIENCE_MS must be a whole number of milliseconds between 0 and 86400000, but is "ten minutes".',
  ],
  [
    'INBOUND_MAX_AGE_MS',
    '24h',
    'INBOUND_MAX_AGE_MS must be a whole number of milliseconds between 1000 and 2592000000, but is "24h".',
  ],
  [
    'OUTBOUND_MAX_AGE_MS',
    '0',
    'OUTBOUND_MAX_AGE_MS must be a whole number of milliseconds between 1000 and 2592000000, but is "0".',
  ],
  [
    'RETRY_SCHEDULE_MS',
    '1000,500',
    'RETRY_SCHEDULE_MS must be whole numbers of milliseconds between 1 and 86400000, separated by commas, none smaller than the one before, but is "1000,500".',
  ],
  [
    'RETRY_AFTER_MIN_MS',
    '-1',
    'RETRY_AFTER_MIN_MS must be a whole number of milliseconds between 0 and 3600000, but is "-1".',
  ],
  [
    'RETRY_AFTER_MAX_MS',
    '30 s',
    'RETRY_AFTER_MAX_MS must be a whole number of milliseconds between 0 and 3600000, but is "30 s".',
  ],
  [
    'BREAKER_FAILURE_PERCENT',
    '100',
    'BREAKER_FAILURE_PERCENT must be a whole number between 1 and 99, but is "100".',
  ],
  ['BREAKER_MIN_CALLS', '0', 'BREAKER_MIN_CALLS must be a whole number between 1 and 10000, but is "0".'],
  [
    'BREAKER_WINDOW_MS',
    '10',
    'BREAKER_WINDOW_MS must be a whole number of milliseconds between 100 and 600000, but is "10".',
  ],
  [
    'PROBE_INTERVAL_MS',
    '0',
    'PROBE_INTERVAL_MS must be a whole number of milliseconds between 50 and 600000, but is "0".',
  ],
  [
    'CREDENTIALS_PROBE_INTERVAL_MS',
    'never',
    'CREDENTIALS_PROBE_INTERVAL_MS must be a whole number of milliseconds between 50 and 3600000, but is "never".',
  ],
  ['TWILIO_CONCURRENCY', '0', 'TWILIO_CONCURRENCY must be a whole number between 1 and 10000, but is "0".'],
  [
    'CHAT_GATEWAY_CONCURRENCY',
    'many',
    'CHAT_GATEWAY_CONCURRENCY must be a whole number between 1 and 10000, but is "many".',
  ],
  [
    'SMS_PER_SECOND',
    '0.5',
    'SMS_PER_SECOND must be a whole number of messages between 1 and 10000, but is "0.5".',
  ],
  [
    'WHATSAPP_PER_SECOND',
    '0',
    'WHATSAPP_PER_SECOND must be a whole number of messages between 1 and 10000, but is "0".',
  ],
  [
    'RECONCILE_INTERVAL_MS',
    '50',
    'RECONCILE_INTERVAL_MS must be a whole number of milliseconds between 100 and 3600000, but is "50".',
  ],
  [
    'RECONCILE_INBOUND_AFTER_MS',
    '-1',
    'RECONCILE_INBOUND_AFTER_MS must be a whole number of milliseconds between 0 and 3600000, but is "-1".',
  ],
  [
    'RECONCILE_AGENT_MESSAGES_AFTER_MS',
    '2m',
    'RECONCILE_AGENT_MESSAGES_AFTER_MS must be a whole number of milliseconds between 0 and 3600000, but is "2m".',
  ],
  [
    'RECONCILE_SILENT_AFTER_MS',
    '0',
    'RECONCILE_SILENT_AFTER_MS must be a whole number of milliseconds between 100 and 86400000, but is "0".',
  ],
  [
    'RECONCILE_RECEIPTS_AFTER_MS',
    '86400001',
    'RECONCILE_RECEIPTS_AFTER_MS must be a whole number of milliseconds between 100 and 86400000, but is "86400001".',
  ],
  [
    'PROVISION_CHECK_INTERVAL_MS',
    '99',
    'PROVISION_CHECK_INTERVAL_MS must be a whole number of milliseconds between 100 and 604800000, but is "99".',
  ],
  ['MEDIA_DIR', 'me\0dia', 'MEDIA_DIR must be a path, but is "me\\u0000dia".'],
  ['MEDIA_KEEP_DAYS', '0', 'MEDIA_KEEP_DAYS must be a whole number of days between 1 and 365, but is "0".'],
  ['MEDIA_S3_BUCKET', 'a/b', 'MEDIA_S3_BUCKET must be the name of a bucket, but is "a/b".'],
  [
    'MEDIA_S3_ENDPOINT',
    's3.local',
    'MEDIA_S3_ENDPOINT must be an http(s) URL without user, query or fragment, but is "s3.local".',
  ],
  ['MEDIA_S3_REGION', 'a b', 'MEDIA_S3_REGION must be a region, but is "a b".'],
  [
    'MEDIA_S3_ACCESS_KEY_ID',
    'with space',
    'MEDIA_S3_ACCESS_KEY_ID must be an access key id, visible ASCII characters without spaces, but is "with space".',
  ],
  [
    'MEDIA_S3_SECRET_ACCESS_KEY',
    'with space',
    'MEDIA_S3_SECRET_ACCESS_KEY must be a secret access key, visible ASCII characters without spaces.',
  ],
  [
    'MMS_FILE_MAX_BYTES',
    '5000001',
    'MMS_FILE_MAX_BYTES must be a whole number of bytes between 1000 and 5000000, but is "5000001".',
  ],
  [
    'LOG_LEVEL',
    'loud',
    'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent, but is "loud".',
  ],
];

describe(readConfiguration.name, () => {
  it('has a wrong value in this test for every variable', () => {
    expect(wrong.map(([name]) => name)).toEqual(variables.map(({ name }) => name));
  });

  it.each(wrong)('refuses %s=%j with one line', (name, value, line) => {
    const environment = { ...complete, [name]: value };
    for (const role of ['gateway', 'worker', 'migrate', 'launcher'] as const) {
      expect(complaint(role, environment)).toBe(line);
      expect(line).not.toContain('\n');
    }
  });

  it.each([
    ['gateway', 'DATABASE_URL'],
    ['gateway', 'ADMIN_API_KEY'],
    ['gateway', 'TWILIO_ACCOUNT_SID'],
    ['gateway', 'TWILIO_AUTH_TOKEN'],
    ['gateway', 'CHAT_GATEWAY_API_KEY'],
    ['gateway', 'CHAT_GATEWAY_TENANT_ID'],
    ['gateway', 'CHAT_GATEWAY_CUSTOMER_ID'],
    ['worker', 'DATABASE_URL'],
    ['worker', 'TWILIO_ACCOUNT_SID'],
    ['worker', 'TWILIO_AUTH_TOKEN'],
    ['worker', 'CHAT_GATEWAY_API_KEY'],
    ['worker', 'CHAT_GATEWAY_TENANT_ID'],
    ['worker', 'CHAT_GATEWAY_CUSTOMER_ID'],
    ['migrate', 'DATABASE_URL'],
  ] as const)('%s does not start without %s', (role, name) => {
    expect(complaint(role, without(name))).toMatch(new RegExp(`^${name} must be .+, but is not set\\.$`));
    // Empty counts as unset.
    expect(complaint(role, { ...complete, [name]: '  ' })).toBe(complaint(role, without(name)));
  });

  it('lets each role start without what it does not need', () => {
    expect(readConfiguration('worker', without('ADMIN_API_KEY')).adminApiKey).toBeUndefined();
    expect(
      readConfiguration('migrate', { DATABASE_URL: complete['DATABASE_URL'] }).twilioAuthToken,
    ).toBeUndefined();
    expect(readConfiguration('launcher', {}).databaseUrl).toBeUndefined();
  });

  it('fills in the defaults of the contract', () => {
    expect({ ...readConfiguration('launcher', {}) }).toEqual({
      port: 3000,
      host: '0.0.0.0',
      publicBaseUrl: 'http://localhost:3000',
      twilioApiBaseUrl: 'https://api.twilio.com',
      twilioMessagingBaseUrl: 'https://messaging.twilio.com',
      twilioContentBaseUrl: 'https://content.twilio.com',
      chatGatewayBaseUrl: 'https://api.8x8.com',
      laneLeaseMs: 15_000,
      sendTimeoutMs: 6_000,
      sweepIntervalMs: 2_000,
      uncertainPolicy: 'retry',
      uncertainSettleMs: 5_000,
      lookUpPatienceMs: 600_000,
      inboundMaxAgeMs: 86_400_000,
      outboundMaxAgeMs: 14_400_000,
      retryScheduleMs: [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000, 120_000],
      retryAfterMinMs: 1_000,
      retryAfterMaxMs: 30_000,
      breakerFailurePercent: 50,
      breakerMinCalls: 20,
      breakerWindowMs: 10_000,
      probeIntervalMs: 5_000,
      credentialsProbeIntervalMs: 30_000,
      twilioConcurrency: 100,
      chatGatewayConcurrency: 100,
      smsPerSecond: 100,
      whatsappPerSecond: 80,
      reconcileIntervalMs: 60_000,
      reconcileInboundAfterMs: 60_000,
      reconcileAgentMessagesAfterMs: 120_000,
      reconcileSilentAfterMs: 300_000,
      reconcileReceiptsAfterMs: 300_000,
      provisionCheckIntervalMs: 3_600_000,
      mediaDir: './media',
      mediaKeepDays: 7,
      mediaS3Region: 'us-east-1',
      metricsBaseUrl: 'https://api.8x8.com',
      scheduleCacheMs: 30_000,
      mmsFileMaxBytes: 500_000,
      logLevel: 'info',
    });
    expect(readConfiguration('worker', complete).port).toBe(3001);
    expect(readConfiguration('gateway', { ...complete, PORT: '8080' }).publicBaseUrl).toBe(
      'http://localhost:8080',
    );
  });

  it('reads what is set', () => {
    const configuration = readConfiguration('gateway', {
      ...complete,
      PUBLIC_BASE_URL: 'https://text.example.com/causeway//',
      UNCERTAIN_POLICY: 'hold',
      TWILIO_API_KEY_SID: 'SK1',
      TWILIO_API_KEY_SECRET: 'shh-shh',
    });
    expect(configuration.twilioAuthToken).toEqual(['token-one', 'token-two']);
    expect(configuration.publicBaseUrl).toBe('https://text.example.com/causeway');
    expect(configuration.uncertainPolicy).toBe('hold');
    expect(configuration.twilioApiKeySecret).toBe('shh-shh');
  });

  it.each([
    [{}, 'https://content.twilio.com'],
    [{ TWILIO_MESSAGING_BASE_URL: 'https://proxy.example' }, 'https://content.twilio.com'],
    [
      { TWILIO_API_BASE_URL: 'https://api.dublin.ie1.twilio.com', TWILIO_MESSAGING_BASE_URL: 'http://m' },
      'https://content.twilio.com',
    ],
    [{ TWILIO_API_BASE_URL: 'http://127.0.0.1:1', TWILIO_MESSAGING_BASE_URL: 'http://m' }, 'http://m'],
    [{ TWILIO_API_BASE_URL: 'http://127.0.0.1:1' }, 'https://content.twilio.com'],
    [
      {
        TWILIO_API_BASE_URL: 'http://127.0.0.1:1',
        TWILIO_MESSAGING_BASE_URL: 'http://m',
        TWILIO_CONTENT_BASE_URL: 'http://c',
      },
      'http://c',
    ],
  ])('finds the content API beside %j', (set, expected) => {
    expect(readConfiguration('worker', { ...complete, ...set }).twilioContentBaseUrl).toBe(expected);
  });

  it('cannot be changed', () => {
    const configuration = readConfiguration('gateway', complete);
    expect(Object.isFrozen(configuration)).toBe(true);
    expect(Object.isFrozen(configuration.twilioAuthToken)).toBe(true);
    expect(Object.isFrozen(configuration.retryScheduleMs)).toBe(true);
  });

  it('wants a send to end well within the lease', () => {
    expect(complaint('worker', { ...complete, LANE_LEASE_MS: '8000', SEND_TIMEOUT_MS: '4000' })).toBe(
      'SEND_TIMEOUT_MS must be less than half of LANE_LEASE_MS (8000), but is "4000".',
    );
    expect(complaint('worker', { ...complete, LANE_LEASE_MS: '10000' })).toBe(
      'SEND_TIMEOUT_MS must be less than half of LANE_LEASE_MS (10000), but is 6000 by default.',
    );
    expect(
      readConfiguration('worker', { ...complete, LANE_LEASE_MS: '8000', SEND_TIMEOUT_MS: '3999' }),
    ).toBeDefined();
  });

  it.each(['1000,', ',', '1000;2000', '0', '1e3', '1000,86400001'])(
    'refuses the retry schedule "%s"',
    (schedule) => {
      expect(complaint('worker', { ...complete, RETRY_SCHEDULE_MS: schedule })).toMatch(
        /^RETRY_SCHEDULE_MS must be /,
      );
    },
  );

  it('reads a retry schedule', () => {
    const configuration = readConfiguration('worker', { ...complete, RETRY_SCHEDULE_MS: '5, 5,10' });
    expect(configuration.retryScheduleMs).toEqual([5, 5, 10]);
  });

  it('wants the clamp of Retry-After to leave room', () => {
    expect(complaint('worker', { ...complete, RETRY_AFTER_MIN_MS: '2000', RETRY_AFTER_MAX_MS: '1999' })).toBe(
      'RETRY_AFTER_MAX_MS must not be less than RETRY_AFTER_MIN_MS (2000), but is "1999".',
    );
    expect(complaint('worker', { ...complete, RETRY_AFTER_MIN_MS: '40000' })).toBe(
      'RETRY_AFTER_MAX_MS must not be less than RETRY_AFTER_MIN_MS (40000), but is 30000 by default.',
    );
  });

  it('reads sub-accounts with the tokens of each', () => {
    const configuration = readConfiguration('gateway', {
      ...complete,
      TWILIO_SUBACCOUNTS: 'ACa:one, ACb:two|older:with-colon,',
    });
    expect(configuration.twilioSubaccounts).toEqual({ ACa: ['one'], ACb: ['two', 'older:with-colon'] });
    expect(secretValues(configuration)).toEqual(expect.arrayContaining(['one', 'two', 'older:with-colon']));
    expect(secretValues(configuration)).not.toContain('ACa');
  });

  it.each(['ACa:', ':one', 'ACa:one|', 'ACa:one,ACa:two', 'SKa:one', 'ACa:one;ACb:two x', ','])(
    'refuses the sub-accounts "%s"',
    (text) => {
      expect(complaint('worker', { ...complete, TWILIO_SUBACCOUNTS: text })).toMatch(
        /^TWILIO_SUBACCOUNTS must be ACsid:token entries/,
      );
    },
  );

  it('wants the main account apart from its sub-accounts', () => {
    const text = `${complete['TWILIO_ACCOUNT_SID']}:one`;
    expect(complaint('worker', { ...complete, TWILIO_SUBACCOUNTS: text })).toBe(
      'TWILIO_SUBACCOUNTS must not list the account in TWILIO_ACCOUNT_SID: its tokens stand in TWILIO_AUTH_TOKEN.',
    );
  });

  it('wants both halves of the API key', () => {
    expect(complaint('worker', { ...complete, TWILIO_API_KEY_SID: 'SK1' })).toBe(
      'TWILIO_API_KEY_SECRET must be set together with TWILIO_API_KEY_SID, but is not set.',
    );
    expect(complaint('worker', { ...complete, TWILIO_API_KEY_SECRET: 'shh' })).toBe(
      'TWILIO_API_KEY_SID must be set together with TWILIO_API_KEY_SECRET, but is not set.',
    );
  });

  it.each([
    [{ MEDIA_S3_ACCESS_KEY_ID: 'a' }, 'MEDIA_S3_SECRET_ACCESS_KEY', 'MEDIA_S3_ACCESS_KEY_ID'],
    [{ MEDIA_S3_SECRET_ACCESS_KEY: 'a' }, 'MEDIA_S3_ACCESS_KEY_ID', 'MEDIA_S3_SECRET_ACCESS_KEY'],
    [{ MEDIA_S3_ENDPOINT: 'http://s3' }, 'MEDIA_S3_BUCKET', 'MEDIA_S3_ENDPOINT'],
  ])('wants the media store whole (%j)', (set, missing, present) => {
    expect(complaint('worker', { ...complete, ...set })).toBe(
      `${missing} must be set together with ${present}, but is not set.`,
    );
  });

  it.each([
    [{ SCHEDULE_BASE_URL: 'https://h' }, 'SCHEDULE_DATA_TOKEN', 'SCHEDULE_BASE_URL'],
    [{ SCHEDULE_DATA_TOKEN: 'a' }, 'SCHEDULE_BASE_URL', 'SCHEDULE_DATA_TOKEN'],
    [{ METRICS_API_KEY: 'a' }, 'METRICS_API_SECRET', 'METRICS_API_KEY'],
    [{ METRICS_API_SECRET: 'a' }, 'METRICS_API_KEY', 'METRICS_API_SECRET'],
  ])('wants credentials of schedules and metrics whole (%j)', (set, missing, present) => {
    expect(complaint('worker', { ...complete, ...set })).toBe(
      `${missing} must be set together with ${present}, but is not set.`,
    );
  });

  it("wants a name for schedules where the tenant's id has a colon", () => {
    const schedules = { SCHEDULE_BASE_URL: 'https://h', SCHEDULE_DATA_TOKEN: 'a' };
    const odd = { ...complete, CHAT_GATEWAY_TENANT_ID: 'a:b' };
    expect(complaint('worker', { ...odd, ...schedules })).toBe(
      'SCHEDULE_TENANT must be set where CHAT_GATEWAY_TENANT_ID has a colon, but is not set.',
    );
    expect(readConfiguration('worker', odd).chatGatewayTenantId).toBe('a:b');
    expect(readConfiguration('worker', { ...odd, ...schedules, SCHEDULE_TENANT: 'ab' }).scheduleTenant).toBe(
      'ab',
    );
  });

  it('never shows the value of a secret', () => {
    for (const { name, secret } of variables) {
      if (secret)
        expect(complaint('gateway', { ...complete, [name]: ' ,ключ-canary' })).not.toContain('canary');
    }
  });

  it.each([
    ['production', 'after-intent'],
    ['test', 'nowhere'],
    ['test', 'after-intent:0'],
  ])('refuses a crash point (NODE_ENV=%s, %s)', (mode, point) => {
    const environment = { ...complete, NODE_ENV: mode, CAUSEWAY_CRASH_POINT: point };
    expect(complaint('worker', environment)).toMatch(/^CAUSEWAY_CRASH_POINT must be .+\.$/);
    expect(readConfiguration('worker', { ...environment, CAUSEWAY_CRASH_POINT: '' })).toBeDefined();
  });
});

describe(secretValues.name, () => {
  it('lists every secret, the parts of lists and the passwords in URLs', () => {
    expect(secretValues(readConfiguration('gateway', complete))).toEqual([
      complete['DATABASE_URL'],
      complete['REDIS_URL'],
      'an-admin-key-of-24-chars',
      'token-one',
      'token-two',
      'gateway-key',
      'pa%24%24word',
      'pa$$word',
      'redispassword',
    ]);
  });
});

describe(providerCredentials.name, () => {
  it('tells none, some and all apart', () => {
    expect(providerCredentials(readConfiguration('launcher', {})).set).toEqual([]);
    expect(providerCredentials(readConfiguration('launcher', complete)).missing).toEqual([]);
    expect(providerCredentials(readConfiguration('launcher', { CHAT_GATEWAY_API_KEY: 'x' }))).toEqual({
      set: ['CHAT_GATEWAY_API_KEY'],
      missing: [
        'TWILIO_ACCOUNT_SID',
        'TWILIO_AUTH_TOKEN',
        'CHAT_GATEWAY_TENANT_ID',
        'CHAT_GATEWAY_CUSTOMER_ID',
      ],
    });
  });
});

describe(environmentName.name, () => {
  it.each([
    ['port', 'PORT'],
    ['laneLeaseMs', 'LANE_LEASE_MS'],
  ])('%s is %s', (property, name) => expect(environmentName(property)).toBe(name));
});
