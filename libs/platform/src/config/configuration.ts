import { HOOK_SECRET, HOOK_SECRETS_ARE, tenantList, type FurtherTenant } from './tenants-variable.js';
import {
  FromEnvironment,
  httpUrl,
  oneOf,
  path,
  risingNumbers,
  token,
  tokenList,
  tokensByAccount,
  url,
  wholeNumber,
} from './variable.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const services = ['gateway', 'worker'] as const;
const milliseconds = (min: number, max: number) => wholeNumber({ min, max, of: 'milliseconds' });

const CONTENT_BASE_URL = 'https://content.twilio.com';

function isTwilios(url: string | undefined): boolean {
  return url === undefined || !URL.canParse(url) || /(?:^|\.)twilio\.com$/.test(new URL(url).hostname);
}

/**
 * Everything the environment says, as the gateway and the worker see it: validated, frozen, read once.
 * Property names follow from the variables' names (`LANE_LEASE_MS` → `laneLeaseMs`). Doubles as DI token.
 */
export class Configuration {
  @FromEnvironment({
    description: 'Port to listen on; a worker serves only health and metrics there.',
    default: (role) => (role === 'worker' ? '3001' : '3000'),
    defaultText: '`3000`, worker `3001`',
    rule: wholeNumber({ min: 0, max: 65_535 }),
  })
  port!: number;

  @FromEnvironment({
    description: 'Address to listen on.',
    default: '0.0.0.0',
    defaultText: '`0.0.0.0`; `127.0.0.1` under `npm start` while embedded or with the sandbox',
    rule: token('a host name or an IP address', { pattern: /^[\w.:-]+$/ }),
  })
  host!: string;

  @FromEnvironment({
    description:
      'This service as the providers see it. Signatures, callbacks and media links are built from it, never from `Host`.',
    // A worker's own port is not where the providers reach us.
    default: (role, environment) =>
      `http://localhost:${(role === 'worker' ? undefined : environment['PORT']) ?? '3000'}`,
    defaultText: '`http://localhost:$PORT`, worker `http://localhost:3000`',
    rule: httpUrl(),
  })
  publicBaseUrl!: string;

  @FromEnvironment({
    description: 'Postgres.',
    secret: true,
    defaultText: 'none: `npm start` runs an embedded Postgres under `.causeway/`',
    requiredBy: [...services, 'migrate'],
    rule: url('a postgres:// URL', ['postgres:', 'postgresql:'], { bare: false }),
  })
  databaseUrl!: string;

  @FromEnvironment({
    description: 'Redis for BullMQ; set it in production.',
    secret: true,
    defaultText: 'none: BullMQ runs on Postgres',
    rule: url('a redis:// or rediss:// URL', ['redis:', 'rediss:'], { bare: false }),
  })
  redisUrl?: string;

  @FromEnvironment({
    description: 'Bearer key of the operator API, at least 16 characters.',
    secret: true,
    defaultText: 'none: `npm start` makes one at its first start, prints it once and keeps it',
    requiredBy: ['gateway'],
    rule: token('at least 16 visible ASCII characters without spaces', { minLength: 16 }),
  })
  adminApiKey?: string;

  @FromEnvironment({
    description:
      'What posts to bots and other hooks are signed with (Standard Webhooks): at least 24 random bytes in base64, with or without `whsec_` before them; a comma-separated list during rotation: each signs.',
    secret: true,
    defaultText: 'none: no hook is called; `npm start` makes one and keeps it',
    rule: tokenList(HOOK_SECRETS_ARE, HOOK_SECRET),
  })
  hookSigningSecret?: readonly string[];

  @FromEnvironment({
    description: 'Twilio account that owns the business numbers.',
    requiredBy: services,
    rule: token('a Twilio account SID (AC…)', { pattern: /^AC[0-9A-Za-z]+$/ }),
  })
  twilioAccountSid!: string;

  @FromEnvironment({
    description:
      'Its auth token, which verifies webhooks; a comma-separated list during rotation, the current one first.',
    secret: true,
    requiredBy: services,
    rule: tokenList('one auth token, or several separated by commas'),
  })
  twilioAuthToken!: readonly string[];

  @FromEnvironment({
    description:
      'Further accounts that own numbers, such as its sub-accounts, with their own tokens: `ACsid:token`, separated by commas; during rotation the older token follows behind a bar.',
    secret: true,
    rule: tokensByAccount(
      'ACsid:token entries separated by commas, each account once, with |oldtoken behind one that is being rotated',
      /^AC[0-9A-Za-z]+$/,
    ),
  })
  twilioSubaccounts?: Readonly<Record<string, readonly string[]>>;

  @FromEnvironment({
    description: 'API key for REST calls, preferred over the auth token; together with its secret.',
    rule: token('a Twilio API key SID (SK…)', { pattern: /^SK[0-9A-Za-z]+$/ }),
  })
  twilioApiKeySid?: string;

  @FromEnvironment({
    description: "The API key's secret.",
    secret: true,
    rule: token("the API key's secret, visible ASCII characters without spaces"),
  })
  twilioApiKeySecret?: string;

  @FromEnvironment({
    description: "Twilio's REST API.",
    default: 'https://api.twilio.com',
    rule: httpUrl(),
  })
  twilioApiBaseUrl!: string;

  @FromEnvironment({
    description: "Twilio's messaging services API.",
    default: 'https://messaging.twilio.com',
    rule: httpUrl(),
  })
  twilioMessagingBaseUrl!: string;

  @FromEnvironment({
    description:
      'Where Twilio takes a webhook whose delivery to `PUBLIC_BASE_URL` failed: these gateways by another way, under the same path.',
    rule: httpUrl(),
  })
  twilioFallbackBaseUrl?: string;

  @FromEnvironment({
    description: "Twilio's content API, for cards and templates.",
    // Where something stands in for Twilio it does so for all of it.
    default: (_role, { TWILIO_API_BASE_URL: api, TWILIO_MESSAGING_BASE_URL: messaging }) =>
      isTwilios(api) ? CONTENT_BASE_URL : (messaging ?? CONTENT_BASE_URL),
    defaultText:
      '`https://content.twilio.com`; `$TWILIO_MESSAGING_BASE_URL` where `TWILIO_API_BASE_URL` is not Twilio',
    rule: httpUrl(),
  })
  twilioContentBaseUrl!: string;

  @FromEnvironment({
    description: 'The Chat Gateway of 8x8.',
    default: 'https://api.8x8.com',
    rule: httpUrl(),
  })
  chatGatewayBaseUrl!: string;

  @FromEnvironment({
    description: 'Its API key (`x-api-key`).',
    secret: true,
    requiredBy: services,
    rule: token('an API key, visible ASCII characters without spaces'),
  })
  chatGatewayApiKey!: string;

  @FromEnvironment({
    description: 'Its tenant (`X-8x8-Tenant`).',
    requiredBy: services,
    rule: token('a tenant id, visible ASCII characters without spaces'),
  })
  chatGatewayTenantId!: string;

  @FromEnvironment({
    description: 'The customer id that its events carry.',
    requiredBy: services,
    rule: token('a customer id, visible ASCII characters without spaces'),
  })
  chatGatewayCustomerId!: string;

  @FromEnvironment({
    description:
      'Further tenants beside the one that the variables above describe, as JSON: `[{"id":"acme","chatGateway":{"apiKey":"…","tenantId":"…","customerId":"…"},"twilioAccounts":["AC…"],"schedules":{"dataToken":"…"},"metrics":{"apiKey":"…","apiSecret":"…"}}]`; their accounts stand in `TWILIO_SUBACCOUNTS`. `schedules` (also `baseUrl`, `tenant`) and `metrics` (also `region`) may be absent; `hookSigningSecret` is for a tenant that is not to share `HOOK_SIGNING_SECRET`.',
    secret: true,
    rule: tenantList(),
  })
  tenants?: readonly FurtherTenant[];

  @FromEnvironment({
    description:
      'The contact centre cluster (`https://<cluster host>`) whose Tenant Schedule API says when numbers with `openingHours` are open; together with the token.',
    defaultText: 'none: such numbers are always open',
    rule: httpUrl(),
  })
  scheduleBaseUrl?: string;

  @FromEnvironment({
    description: 'The name of its tenant there.',
    defaultText: '`$CHAT_GATEWAY_TENANT_ID`',
    rule: token('the name of a tenant, visible ASCII characters without spaces or colon', {
      pattern: /^[\x21-\x39\x3b-\x7e]+$/,
    }),
  })
  scheduleTenant?: string;

  @FromEnvironment({
    description: "The tenant's data request token.",
    secret: true,
    rule: token('a data request token, visible ASCII characters without spaces'),
  })
  scheduleDataToken?: string;

  @FromEnvironment({
    description: 'For how long a schedule that was read counts.',
    default: '30000',
    rule: milliseconds(1000, 600_000),
  })
  scheduleCacheMs!: number;

  @FromEnvironment({
    description: 'The Real-time Metrics API of 8x8, for numbers with `waiting`.',
    default: 'https://api.8x8.com',
    rule: httpUrl(),
  })
  metricsBaseUrl!: string;

  @FromEnvironment({
    description: 'Its region: `eu`, `au` or `ca`.',
    defaultText: 'none: the United States',
    rule: oneOf(['eu', 'au', 'ca']),
  })
  metricsRegion?: 'eu' | 'au' | 'ca';

  @FromEnvironment({
    description: 'API key for it; together with its secret.',
    secret: true,
    defaultText: 'none: nothing is known of queues',
    rule: token('an API key, visible ASCII characters without spaces or colon', {
      pattern: /^[\x21-\x39\x3b-\x7e]+$/,
    }),
  })
  metricsApiKey?: string;

  @FromEnvironment({
    description: "The API key's secret.",
    secret: true,
    rule: token("the API key's secret, visible ASCII characters without spaces"),
  })
  metricsApiSecret?: string;

  @FromEnvironment({
    description: "How long a worker holds a conversation's lane without renewing it.",
    default: '15000',
    rule: milliseconds(1000, 600_000),
  })
  laneLeaseMs!: number;

  @FromEnvironment({
    description: 'Hard deadline of one call to a provider; less than half of `LANE_LEASE_MS`.',
    default: '6000',
    rule: milliseconds(50, 300_000),
  })
  sendTimeoutMs!: number;

  @FromEnvironment({
    description: 'How often a worker looks for lanes that wait without a wake-up.',
    default: '2000',
    rule: milliseconds(50, 600_000),
  })
  sweepIntervalMs!: number;

  @FromEnvironment({
    description:
      'What happens to a message whose delivery is unknown and cannot be looked up: `retry` or `hold`.',
    default: 'retry',
    rule: oneOf(['retry', 'hold']),
  })
  uncertainPolicy!: 'retry' | 'hold';

  @FromEnvironment({
    description: 'How long after an attempt a look-up that finds nothing proves that nothing was sent.',
    default: '5000',
    rule: milliseconds(0, 600_000),
  })
  uncertainSettleMs!: number;

  @FromEnvironment({
    description:
      'How long look-ups of an attempt may fail, while other calls succeed, before `UNCERTAIN_POLICY` speaks.',
    default: '600000',
    rule: milliseconds(0, 86_400_000),
  })
  lookUpPatienceMs!: number;

  @FromEnvironment({
    description: "How old a customer's message may grow on its way to the agents before it fails.",
    default: '86400000',
    rule: milliseconds(1000, 2_592_000_000),
  })
  inboundMaxAgeMs!: number;

  @FromEnvironment({
    description: "How old an agent's message may grow on its way to the customer before it fails.",
    default: '14400000',
    rule: milliseconds(1000, 2_592_000_000),
  })
  outboundMaxAgeMs!: number;

  @FromEnvironment({
    description:
      'Longest pause after the first, second, … failure of a message in a row; the last one repeats.',
    default: '1000,2000,4000,8000,15000,30000,60000,120000',
    rule: risingNumbers({ min: 1, max: 86_400_000, of: 'milliseconds' }),
  })
  retryScheduleMs!: readonly number[];

  @FromEnvironment({
    description: "Shortest pause that a provider's `Retry-After` can make.",
    default: '1000',
    rule: milliseconds(0, 3_600_000),
  })
  retryAfterMinMs!: number;

  @FromEnvironment({
    description: 'Longest one; not less than `RETRY_AFTER_MIN_MS`.',
    default: '30000',
    rule: milliseconds(0, 3_600_000),
  })
  retryAfterMaxMs!: number;

  @FromEnvironment({
    description:
      'A worker calls a provider only to probe it when more than so many percent of its calls in `BREAKER_WINDOW_MS` failed.',
    default: '50',
    rule: wholeNumber({ min: 1, max: 99 }),
  })
  breakerFailurePercent!: number;

  @FromEnvironment({
    description: 'Fewer calls than that in the window say nothing.',
    default: '20',
    rule: wholeNumber({ min: 1, max: 10_000 }),
  })
  breakerMinCalls!: number;

  @FromEnvironment({
    description: 'How far back the calls to a provider are counted.',
    default: '10000',
    rule: milliseconds(100, 600_000),
  })
  breakerWindowMs!: number;

  @FromEnvironment({
    description: 'How often all workers together probe a provider that fails.',
    default: '5000',
    rule: milliseconds(50, 600_000),
  })
  probeIntervalMs!: number;

  @FromEnvironment({
    description: 'How often they probe one that refuses our credentials.',
    default: '30000',
    rule: milliseconds(50, 3_600_000),
  })
  credentialsProbeIntervalMs!: number;

  @FromEnvironment({
    description: 'Calls to Twilio under way at once, per account over all workers.',
    default: '100',
    rule: wholeNumber({ min: 1, max: 10_000 }),
  })
  twilioConcurrency!: number;

  @FromEnvironment({
    description: 'Calls to the Chat Gateway under way at once, per account over all workers.',
    default: '100',
    rule: wholeNumber({ min: 1, max: 10_000 }),
  })
  chatGatewayConcurrency!: number;

  @FromEnvironment({
    description:
      'What a number sends at most by SMS, over all workers, and less by its kind (toll-free 3, short code 100); `messagesPerSecond` of the number wins.',
    default: '100',
    rule: wholeNumber({ min: 1, max: 10_000, of: 'messages' }),
  })
  smsPerSecond!: number;

  @FromEnvironment({
    description: 'The same by WhatsApp.',
    default: '80',
    rule: wholeNumber({ min: 1, max: 10_000, of: 'messages' }),
  })
  whatsappPerSecond!: number;

  @FromEnvironment({
    description: 'How often a worker asks the providers for what they have not told.',
    default: '60000',
    rule: milliseconds(100, 3_600_000),
  })
  reconcileIntervalMs!: number;

  @FromEnvironment({
    description: "How old a customer's message is before its webhook counts as lost.",
    default: '60000',
    rule: milliseconds(0, 3_600_000),
  })
  reconcileInboundAfterMs!: number;

  @FromEnvironment({
    description: "How old an agent's message is before its event counts as lost.",
    default: '120000',
    rule: milliseconds(0, 3_600_000),
  })
  reconcileAgentMessagesAfterMs!: number;

  @FromEnvironment({
    description: 'How long nothing is heard of an open conversation before the desk is asked for it.',
    default: '300000',
    rule: milliseconds(100, 86_400_000),
  })
  reconcileSilentAfterMs!: number;

  @FromEnvironment({
    description:
      'How long after sending a receipt that is not final is asked for; then with pauses that double.',
    default: '300000',
    rule: milliseconds(100, 86_400_000),
  })
  reconcileReceiptsAfterMs!: number;

  @FromEnvironment({
    description: 'How often the numbers that were pointed at us through the API are compared with Twilio.',
    default: '3600000',
    rule: milliseconds(100, 604_800_000),
  })
  provisionCheckIntervalMs!: number;

  @FromEnvironment({
    description:
      'Where files on their way to customers are kept; gateways and workers must share it. With `MEDIA_S3_BUCKET` they only pass through.',
    default: './media',
    defaultText: '`./media`; `.causeway/media` under `npm start`',
    rule: path(),
  })
  mediaDir!: string;

  @FromEnvironment({
    description: 'For how many days they are kept, and links to them work.',
    default: '7',
    rule: wholeNumber({ min: 1, max: 365, of: 'days' }),
  })
  mediaKeepDays!: number;

  @FromEnvironment({
    description: 'An S3 bucket that keeps them instead.',
    rule: token('the name of a bucket', { pattern: /^[A-Za-z0-9][\w.-]{1,254}$/ }),
  })
  mediaS3Bucket?: string;

  @FromEnvironment({
    description: 'An S3-compatible service other than AWS.',
    rule: httpUrl(),
  })
  mediaS3Endpoint?: string;

  @FromEnvironment({
    description: 'Its region.',
    default: 'us-east-1',
    rule: token('a region', { pattern: /^[\w-]+$/ }),
  })
  mediaS3Region!: string;

  @FromEnvironment({
    description: 'Its access key; without one the credentials of the machine on AWS are used.',
    rule: token('an access key id, visible ASCII characters without spaces'),
  })
  mediaS3AccessKeyId?: string;

  @FromEnvironment({
    description: "The access key's secret.",
    secret: true,
    rule: token('a secret access key, visible ASCII characters without spaces'),
  })
  mediaS3SecretAccessKey?: string;

  @FromEnvironment({
    description:
      'The largest file other than a picture that goes out by MMS; carriers refuse larger ones, so that they go as a link.',
    default: '500000',
    rule: wholeNumber({ min: 1_000, max: 5_000_000, of: 'bytes' }),
  })
  mmsFileMaxBytes!: number;

  @FromEnvironment({
    description: `How much is logged: ${LOG_LEVELS.map((level) => `\`${level}\``).join(', ')}.`,
    default: 'info',
    rule: oneOf(LOG_LEVELS),
  })
  logLevel!: LogLevel;
}

/** What has no default and is required by some roles only. */
type Credential =
  | 'twilioAccountSid'
  | 'twilioAuthToken'
  | 'chatGatewayApiKey'
  | 'chatGatewayTenantId'
  | 'chatGatewayCustomerId';

type Optional<T, K extends keyof T> = Omit<T, K> & { [P in K]?: T[P] };

/** The configuration as each role may rely on it. */
export interface ConfigurationByRole {
  gateway: Readonly<Configuration & { adminApiKey: string }>;
  worker: Readonly<Configuration>;
  migrate: Readonly<Optional<Configuration, Credential>>;
  launcher: Readonly<Optional<Configuration, Credential | 'databaseUrl'>>;
}

/** Any role's configuration. */
export type AnyConfiguration = ConfigurationByRole['launcher'];
