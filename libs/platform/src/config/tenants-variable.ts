import 'reflect-metadata';
import { plainToInstance, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayNotEmpty,
  ArrayUnique,
  IsArray,
  IsDefined,
  IsIn,
  IsObject,
  IsOptional,
  Matches,
  NotEquals,
  ValidateBy,
  ValidateNested,
  validateSync,
  type ValidationError,
} from 'class-validator';
import type { Rule } from './variable.js';

/** The tenant that the plain variables describe. */
export const DEFAULT_TENANT = 'default';

const MAX_TENANTS = 1_000;
const MAX_ACCOUNTS = 1_000;
/** Of the Real-time Metrics API; none: the United States. */
export const METRICS_REGIONS = ['eu', 'au', 'ca'] as const;

const ID = /^[a-z0-9][a-z0-9-]{0,62}$/;
const HTTP_URL = /^https?:\/\/[^\s/?#@]+\/?$/;
const ACCOUNT = /^AC[0-9A-Za-z]{1,64}$/;
const KEY = /^[\x21-\x7e]{1,1000}$/;
/** Signed as JSON, so nothing that JSON would escape. */
const DESK_ID = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;
/** A user of Basic authentication, where a colon ends the name (RFC 7617). */
const SCHEDULE_TENANT = /^[\x21\x23-\x39\x3b-\x5b\x5d-\x7e]{1,256}$/;
const DESK_ID_IS = '1 to 256 visible ASCII characters without spaces, quotes and backslashes';

/** How the Chat Gateway knows a tenant, and how its events name it. */
export class ChatGatewayCredentials {
  @Matches(KEY, { message: 'must be an API key, visible ASCII characters without spaces' })
  apiKey!: string;

  @Matches(DESK_ID, { message: `must be a tenant id, ${DESK_ID_IS}` })
  tenantId!: string;

  @Matches(DESK_ID, { message: `must be a customer id, ${DESK_ID_IS}` })
  customerId!: string;
}

/** Where a tenant's opening hours are read; what is absent is as for the tenant of the plain variables. */
export class TenantSchedules {
  @Matches(HTTP_URL, { message: 'must be an http(s) URL' })
  @IsOptional()
  baseUrl?: string;

  /** Its name there; absent: as at the Chat Gateway. */
  @Matches(SCHEDULE_TENANT, { message: `must be a tenant's name, ${DESK_ID_IS}, and without colons` })
  @IsOptional()
  tenant?: string;

  @Matches(KEY, { message: 'must be a data request token, visible ASCII characters without spaces' })
  dataToken!: string;
}

/** Where the figures of a tenant's queues are read. */
export class TenantMetrics {
  /** Absent: as for the tenant of the plain variables. */
  @IsIn(METRICS_REGIONS, { message: `must be one of ${METRICS_REGIONS.join(', ')}` })
  @IsOptional()
  region?: (typeof METRICS_REGIONS)[number];

  @Matches(KEY, { message: 'must be an API key, visible ASCII characters without spaces' })
  apiKey!: string;

  @Matches(KEY, { message: 'must be the secret of the API key, visible ASCII characters without spaces' })
  apiSecret!: string;
}

/** One tenant beside {@link DEFAULT_TENANT}, as `TENANTS` says it. */
export class FurtherTenant {
  @NotEquals(DEFAULT_TENANT, {
    message: `must not be "${DEFAULT_TENANT}": the plain variables describe that one`,
  })
  @Matches(ID, { message: 'must be 1 to 63 small letters, digits and hyphens' })
  id!: string;

  @IsObject({ message: 'must be an object' })
  @IsDefined({ message: 'must be an object' })
  @ValidateNested({ message: 'must be an object' })
  @Type(() => ChatGatewayCredentials)
  chatGateway!: ChatGatewayCredentials;

  @Matches(ACCOUNT, { each: true, message: 'must be Twilio account SIDs (AC…)' })
  @ArrayUnique({ message: 'must not list an account twice' })
  @ArrayMaxSize(MAX_ACCOUNTS, { message: `must be at most ${MAX_ACCOUNTS} accounts` })
  @ArrayNotEmpty({ message: 'must be a list of Twilio account SIDs (AC…)' })
  @IsArray({ message: 'must be a list of Twilio account SIDs (AC…)' })
  twilioAccounts!: string[];

  /** Absent: its numbers are always open. */
  @IsObject({ message: 'must be an object' })
  @IsOptional()
  @ValidateNested({ message: 'must be an object' })
  @Type(() => TenantSchedules)
  schedules?: TenantSchedules;

  /** Absent: nothing is known of its queues. */
  @IsObject({ message: 'must be an object' })
  @IsOptional()
  @ValidateNested({ message: 'must be an object' })
  @Type(() => TenantMetrics)
  metrics?: TenantMetrics;
}

/** What of a tenant no log line may carry. */
function secretsOf({ chatGateway, schedules, metrics }: FurtherTenant): string[] {
  return [chatGateway.apiKey, schedules?.dataToken, metrics?.apiKey, metrics?.apiSecret].filter(
    (secret) => secret !== undefined,
  );
}

/** A JSON array of {@link FurtherTenant}. */
export function tenantList(): Rule {
  return {
    shouldBe: `a JSON array of at most ${MAX_TENANTS} tenants`,
    parse: (text) => {
      const list = parseJson(text);
      const isList = Array.isArray(list) && list.length <= MAX_TENANTS;
      // Null is no value that any rule lets through.
      return isList
        ? list.map((one: unknown) => (isObject(one) ? plainToInstance(FurtherTenant, one) : one))
        : null;
    },
    validators: [
      ValidateBy({
        name: 'isTenantList',
        validator: { validate: (value: unknown) => Array.isArray(value) && problemOf(value) === undefined },
      }),
    ],
    problem: problemOf,
    secretsOf: (value) => (Array.isArray(value) ? (value as FurtherTenant[]).flatMap(secretsOf) : []),
  };
}

/** What only shows beside the other tenants and variables: whose an account is, and whose an event. */
export function problemAmongTenants(configuration: {
  twilioAccountSid?: string;
  twilioSubaccounts?: Readonly<Record<string, readonly string[]>>;
  chatGatewayTenantId?: string;
  chatGatewayCustomerId?: string;
  scheduleBaseUrl?: string;
  tenants?: readonly FurtherTenant[];
}): string | undefined {
  const { twilioAccountSid, twilioSubaccounts = {}, tenants = [] } = configuration;
  const ids = new Set<string>();
  const accounts = new Set<string>();
  const senders = new Set([
    senderKey({
      tenantId: configuration.chatGatewayTenantId,
      customerId: configuration.chatGatewayCustomerId,
    }),
  ]);
  for (const [n, { id, chatGateway, twilioAccounts, schedules }] of tenants.entries()) {
    if (ids.has(id)) return `[${n}].id must be another one than those before`;
    ids.add(id);
    if (senders.has(senderKey(chatGateway))) {
      return `[${n}].chatGateway must have another tenantId or customerId than the tenants before and the plain variables`;
    }
    senders.add(senderKey(chatGateway));
    if (schedules && schedules.baseUrl === undefined && configuration.scheduleBaseUrl === undefined) {
      return `[${n}].schedules.baseUrl must be set where SCHEDULE_BASE_URL is not`;
    }
    if (schedules && schedules.tenant === undefined && chatGateway.tenantId.includes(':')) {
      return `[${n}].schedules.tenant must be set where chatGateway.tenantId has a colon`;
    }
    for (const [at, account] of twilioAccounts.entries()) {
      const path = `[${n}].twilioAccounts[${at}]`;
      if (accounts.has(account)) return `${path} must belong to one tenant only`;
      accounts.add(account);
      // Without credentials nothing is verified and nobody called.
      if (twilioAccountSid !== undefined && !Object.hasOwn(twilioSubaccounts, account)) {
        return `${path} must be an account in TWILIO_SUBACCOUNTS, where its token stands`;
      }
    }
  }
  return undefined;
}

function senderKey({
  tenantId,
  customerId,
}: {
  tenantId?: string | undefined;
  customerId?: string | undefined;
}): string {
  return JSON.stringify([tenantId, customerId]);
}

function problemOf(value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined;
  for (const [n, one] of value.entries()) {
    if (!(one instanceof FurtherTenant)) return `[${n}] must be an object`;
    const [error] = validateSync(one, { whitelist: true, forbidNonWhitelisted: true });
    if (error) return `[${n}]${firstProblem(error)}`;
  }
  return undefined;
}

/** A name that nobody knows is not shown: it may be a secret in the wrong place. */
function firstProblem({ property, constraints = {}, children = [] }: ValidationError): string {
  if ('whitelistValidation' in constraints) return ' must have no other fields than it is documented to have';
  const [child] = children;
  if (child) return `.${property}${firstProblem(child)}`;
  return `.${property} ${Object.values(constraints)[0] ?? 'must be otherwise'}`;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
