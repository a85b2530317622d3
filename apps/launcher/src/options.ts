import { isAbsolute, join } from 'node:path';
import { ConfigurationError, providerCredentials, readConfiguration } from '#platform';

type Environment = Readonly<Record<string, string | undefined>>;

/** What `npm start` was told by its environment. */
export interface LauncherOptions {
  /** The installed project: `dist` and, by default, `.causeway` lie in it. */
  root: string;
  /** Data, keys and logs. */
  home: string;
  /** Handed on to the child processes. */
  environment: Environment;
  /** Undefined: an embedded Postgres. */
  databaseUrl: string | undefined;
  redisUrl: string | undefined;
  /** Undefined: made at the first start and kept in `home`. */
  adminApiKey: string | undefined;
  /** Undefined: made at the first start and kept in `home`. */
  hookSigningSecret: readonly string[] | undefined;
  /** Whether both providers are simulated, which they are while no credential of theirs is set. */
  sandbox: boolean;
  host: string;
  /** 0 means any free port; {@link resolvePorts} settles it. */
  ports: { gateway: number; worker: number; sandbox: number; twilio: number; chatGateway: number };
  /** Undefined: `http://localhost:<gateway's port>`. */
  publicBaseUrl: string | undefined;
}

/** Which variable moves a port. */
export const PORT_VARIABLES = {
  gateway: 'PORT',
  worker: 'WORKER_PORT',
  sandbox: 'SANDBOX_PORT',
  twilio: 'TWILIO_SIM_PORT',
  chatGateway: 'CHAT_GATEWAY_SIM_PORT',
} as const satisfies Record<keyof LauncherOptions['ports'], string>;

/**
 * Reads the environment of `npm start`. Beside the documented variables the launcher alone knows `CAUSEWAY_HOME` and
 * the ports of {@link PORT_VARIABLES}, since under it all programs share one environment.
 *
 * @throws ConfigurationError naming the variable to change
 */
export function readOptions(environment: Environment, root: string): LauncherOptions {
  const configuration = readConfiguration('launcher', environment);
  const { set, missing } = providerCredentials(configuration);
  if (set.length > 0 && missing.length > 0) {
    const [first = ''] = missing;
    throw new ConfigurationError(
      first,
      `${missing.join(', ')} must be set together with ${set.join(', ')}: ` +
        'set all credentials, or none to run with simulated providers.',
    );
  }
  const { databaseUrl, redisUrl, adminApiKey, hookSigningSecret } = configuration;
  if (databaseUrl !== undefined && adminApiKey === undefined) {
    throw new ConfigurationError(
      'ADMIN_API_KEY',
      'ADMIN_API_KEY must be set when DATABASE_URL is, but is not set.',
    );
  }
  const sandbox = set.length === 0;
  const sheltered = sandbox || databaseUrl === undefined;
  const home = environment['CAUSEWAY_HOME']?.trim() || '.causeway';
  return {
    root,
    home: isAbsolute(home) ? home : join(root, home),
    environment,
    databaseUrl,
    redisUrl,
    adminApiKey,
    hookSigningSecret,
    sandbox,
    // Reachable from outside only where both the database and the credentials are the operator's own.
    host: environment['HOST']?.trim() || (sheltered ? '127.0.0.1' : '0.0.0.0'),
    ports: {
      gateway: readPort(environment, 'PORT', 3000),
      worker: readPort(environment, 'WORKER_PORT', 3001),
      sandbox: readPort(environment, 'SANDBOX_PORT', 4000),
      twilio: readPort(environment, 'TWILIO_SIM_PORT', 4010),
      chatGateway: readPort(environment, 'CHAT_GATEWAY_SIM_PORT', 4020),
    },
    publicBaseUrl: environment['PUBLIC_BASE_URL']?.trim() ? configuration.publicBaseUrl : undefined,
  };
}

function readPort(environment: Environment, name: string, fallback: number): number {
  const text = environment[name]?.trim();
  if (!text) return fallback;
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new ConfigurationError(name, `${name} must be a whole number between 0 and 65535, but is "${text}".`);
}
