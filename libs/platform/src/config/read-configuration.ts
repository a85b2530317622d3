import { validateSync } from 'class-validator';
import { Configuration } from './configuration.js';
import type { AnyConfiguration, ConfigurationByRole } from './configuration.js';
import { CRASH_POINTS, crashSetting } from './environment.js';
import { problemAmongTenants } from './tenants-variable.js';
import { variables } from './variable.js';
import type { Environment, Role, Variable } from './variable.js';

/** A variable is wrong or missing. The message is one line that names it, and never shows a secret's value. */
export class ConfigurationError extends Error {
  constructor(
    /** The variable to change. */
    readonly variable: string,
    message: string,
  ) {
    super(message);
    this.name = 'ConfigurationError';
  }
}

/**
 * Reads and validates the environment for one program. Nothing else reads it. An empty variable counts as unset.
 * Throws {@link ConfigurationError} for the first variable that is wrong, in the order of the README's table.
 */
export function readConfiguration<R extends Role>(
  role: R,
  environment: Environment = process.env,
): ConfigurationByRole[R] {
  const set = withoutEmpty(environment);
  const configuration = new Configuration();
  for (const variable of variables) {
    const text = set[variable.name] ?? defaultOf(variable, role, set);
    if (text === undefined && variable.requiredBy.includes(role)) {
      throw wrong(variable, set);
    }
    if (text !== undefined) Object.assign(configuration, { [variable.property]: variable.rule.parse(text) });
  }
  const invalid = new Set(validateSync(configuration).map((error) => error.property));
  const first = variables.find((variable) => invalid.has(variable.property));
  if (first) throw wrong(first, set, configuration[first.property as keyof Configuration]);
  checkTogether(configuration, set);
  if (crashSetting(environment) === 'invalid') {
    throw new ConfigurationError(
      'CAUSEWAY_CRASH_POINT',
      `CAUSEWAY_CRASH_POINT must be unset in production, and elsewhere one of ${CRASH_POINTS.join(', ')}, with :n for its n-th hit.`,
    );
  }
  Object.freeze(configuration.twilioAuthToken);
  Object.freeze(configuration.retryScheduleMs);
  Object.freeze(configuration.tenants);
  return Object.freeze(configuration) as ConfigurationByRole[R];
}

/** The variables that real providers need, divided by whether they are set: all or none is a sane state. */
export function providerCredentials(configuration: AnyConfiguration): { set: string[]; missing: string[] } {
  const values: Readonly<Record<string, unknown>> = { ...configuration };
  const needed = variables.filter(
    ({ name, requiredBy }) => requiredBy.includes('worker') && name !== 'DATABASE_URL',
  );
  const isSet = (variable: Variable) => values[variable.property] !== undefined;
  return {
    set: needed.filter(isSet).map(({ name }) => name),
    missing: needed.filter((variable) => !isSet(variable)).map(({ name }) => name),
  };
}

/** Every secret text of a configuration, passwords inside URLs included: what no log line may carry. */
export function secretValues(configuration: AnyConfiguration): string[] {
  const values: Readonly<Record<string, unknown>> = { ...configuration };
  const secrets = variables
    .filter(({ secret }) => secret)
    .flatMap(({ property, rule: { secretsOf = textsIn } }) => secretsOf(values[property]));
  return [...new Set([...secrets, ...secrets.flatMap(passwordsOf)])];
}

/** Texts of a value, be it one, a list, or lists by name. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function withoutEmpty(environment: Environment): Environment {
  const set: Record<string, string> = {};
  for (const { name } of variables) {
    const text = environment[name]?.trim();
    if (text) set[name] = text;
  }
  return set;
}

function defaultOf(variable: Variable, role: Role, set: Environment): string | undefined {
  if (typeof variable.default !== 'function') return variable.default;
  const port = variables.find(({ name }) => name === 'PORT');
  const portDefault = port && port !== variable ? defaultOf(port, role, set) : undefined;
  return variable.default(role, { PORT: portDefault, ...set });
}

function wrong(variable: Variable, set: Environment, value?: unknown): ConfigurationError {
  const { name, rule } = variable;
  const problem = rule.problem?.(value);
  if (problem !== undefined) return new ConfigurationError(name, `${name}${problem}.`);
  return new ConfigurationError(
    variable.name,
    `${variable.name} must be ${variable.rule.shouldBe}${found(variable, set)}.`,
  );
}

function found(variable: Variable, set: Environment): string {
  const text = set[variable.name];
  if (text === undefined) return ', but is not set';
  return variable.secret ? '' : `, but is ${JSON.stringify(text.slice(0, 100))}`;
}

/** Rules between variables. */
function checkTogether(configuration: Configuration, set: Environment): void {
  const { laneLeaseMs, sendTimeoutMs, twilioApiKeySid, twilioApiKeySecret } = configuration;
  // A send and what follows it must end well before another worker may claim the lane.
  if (sendTimeoutMs >= laneLeaseMs / 2) {
    throw new ConfigurationError(
      'SEND_TIMEOUT_MS',
      `SEND_TIMEOUT_MS must be less than half of LANE_LEASE_MS (${laneLeaseMs}), but is ${
        set['SEND_TIMEOUT_MS'] === undefined ? `${sendTimeoutMs} by default` : `"${sendTimeoutMs}"`
      }.`,
    );
  }
  const { retryAfterMinMs, retryAfterMaxMs } = configuration;
  if (retryAfterMaxMs < retryAfterMinMs) {
    throw new ConfigurationError(
      'RETRY_AFTER_MAX_MS',
      `RETRY_AFTER_MAX_MS must not be less than RETRY_AFTER_MIN_MS (${retryAfterMinMs}), but is ${
        set['RETRY_AFTER_MAX_MS'] === undefined ? `${retryAfterMaxMs} by default` : `"${retryAfterMaxMs}"`
      }.`,
    );
  }
  const { twilioAccountSid, twilioSubaccounts } = configuration;
  if (twilioSubaccounts && Object.hasOwn(twilioSubaccounts, twilioAccountSid)) {
    throw new ConfigurationError(
      'TWILIO_SUBACCOUNTS',
      'TWILIO_SUBACCOUNTS must not list the account in TWILIO_ACCOUNT_SID: its tokens stand in TWILIO_AUTH_TOKEN.',
    );
  }
  checkPair(['TWILIO_API_KEY_SID', twilioApiKeySid], ['TWILIO_API_KEY_SECRET', twilioApiKeySecret]);
  const { scheduleBaseUrl, scheduleDataToken, metricsApiKey, metricsApiSecret } = configuration;
  checkPair(['SCHEDULE_BASE_URL', scheduleBaseUrl], ['SCHEDULE_DATA_TOKEN', scheduleDataToken]);
  checkScheduleTenant(configuration);
  checkPair(['METRICS_API_KEY', metricsApiKey], ['METRICS_API_SECRET', metricsApiSecret]);
  const problem = problemAmongTenants(configuration);
  if (problem !== undefined) throw new ConfigurationError('TENANTS', `TENANTS${problem}.`);
  checkMediaStore(configuration);
}

/** Both or none. */
function checkPair(...pair: [name: string, value: unknown][]): void {
  const missing = pair.find(([, value]) => value === undefined)?.[0];
  const present = pair.find(([, value]) => value !== undefined)?.[0];
  if (missing === undefined || present === undefined) return;
  throw new ConfigurationError(missing, `${missing} must be set together with ${present}, but is not set.`);
}

/** The id stands in the place of the name, as the user of Basic authentication. Credentials are absent where nobody calls. */
function checkScheduleTenant({
  scheduleDataToken,
  scheduleTenant,
  chatGatewayTenantId,
}: Partial<Configuration>): void {
  if (scheduleDataToken === undefined || scheduleTenant !== undefined || !chatGatewayTenantId?.includes(':'))
    return;
  throw new ConfigurationError(
    'SCHEDULE_TENANT',
    'SCHEDULE_TENANT must be set where CHAT_GATEWAY_TENANT_ID has a colon, but is not set.',
  );
}

function checkMediaStore({
  mediaS3Bucket,
  mediaS3Endpoint,
  mediaS3AccessKeyId,
  mediaS3SecretAccessKey,
}: Configuration): void {
  checkPair(
    ['MEDIA_S3_ACCESS_KEY_ID', mediaS3AccessKeyId],
    ['MEDIA_S3_SECRET_ACCESS_KEY', mediaS3SecretAccessKey],
  );
  if (mediaS3Bucket === undefined && (mediaS3Endpoint ?? mediaS3AccessKeyId) !== undefined) {
    const present = mediaS3Endpoint === undefined ? 'MEDIA_S3_ACCESS_KEY_ID' : 'MEDIA_S3_ENDPOINT';
    throw new ConfigurationError(
      'MEDIA_S3_BUCKET',
      `MEDIA_S3_BUCKET must be set together with ${present}, but is not set.`,
    );
  }
}

function passwordsOf(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const { password } = new URL(text);
  return password === '' ? [] : [password, safeDecode(password)];
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
