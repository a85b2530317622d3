import { join } from 'node:path';
import type { SandboxCredentials } from './home.js';
import type { LauncherOptions } from './options.js';
import { reachableHost } from './ports.js';

/** Everything that was settled at the start. */
export interface Settled {
  options: LauncherOptions;
  ports: LauncherOptions['ports'];
  publicBaseUrl: string;
  adminApiKey: string;
  hookSigningSecret: string;
  /** Undefined with real providers. */
  sandbox: SandboxCredentials | undefined;
}

/** The ChatAPI channel that the simulated Chat Gateway knows from its start. */
export const SANDBOX_CHANNEL_ID = '25';
/** The webhook of that channel. */
export const SANDBOX_WEBHOOK_ID = '1';
/** The business numbers that the simulated Twilio owns, each with the queue of its conversations (Support, Sales). */
export const SANDBOX_NUMBERS = [
  { address: '+15550100', queueId: '100' },
  { address: '+15550200', queueId: '200' },
  { address: 'whatsapp:+15550100', queueId: '100' },
] as const;

/** Node keeps compiled code there between starts: about a quarter of what a program needs to load. */
function compileCache({ home }: LauncherOptions): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: join(home, 'compile-cache') };
}

export function gatewayUrl({ options, ports }: Settled): string {
  return `http://${reachableHost(options.host)}:${ports.gateway}`;
}

/** What gateway, worker and migrations see. Only names of the configuration's schema are set. */
export function serviceEnvironment(
  settled: Settled,
  service: 'gateway' | 'worker' | 'migrate',
  databaseUrl: string,
): NodeJS.ProcessEnv {
  const { options, ports, publicBaseUrl, adminApiKey, hookSigningSecret } = settled;
  return {
    ...compileCache(options),
    MEDIA_DIR: join(options.home, 'media'),
    // Whoever opens and closes the simulated contact centre by hand wants to see it.
    ...(settled.sandbox && { SCHEDULE_CACHE_MS: '2000' }),
    ...options.environment,
    DATABASE_URL: databaseUrl,
    HOST: options.host,
    PORT: String(service === 'worker' ? ports.worker : ports.gateway),
    PUBLIC_BASE_URL: publicBaseUrl,
    ADMIN_API_KEY: adminApiKey,
    HOOK_SIGNING_SECRET: hookSigningSecret,
    ...providers(settled),
  };
}

/** What the sandbox sees: it is the outside world and gets no database. The operator key is for its page, which looks into the bridge. */
export function sandboxEnvironment(settled: Settled): NodeJS.ProcessEnv {
  const { options, ports, publicBaseUrl } = settled;
  const environment: NodeJS.ProcessEnv = {
    ...compileCache(options),
    ...options.environment,
    ...providers(settled),
    PUBLIC_BASE_URL: publicBaseUrl,
    TWILIO_SIM_PORT: String(ports.twilio),
    CHAT_GATEWAY_SIM_PORT: String(ports.chatGateway),
    SANDBOX_PORT: String(ports.sandbox),
    SANDBOX_HOST: '127.0.0.1',
    SANDBOX_GATEWAY_URL: gatewayUrl(settled),
    SANDBOX_CHANNEL_ID,
    SANDBOX_TWILIO_NUMBERS: SANDBOX_NUMBERS.map(({ address }) => address).join(','),
    ADMIN_API_KEY: settled.adminApiKey,
    // Its example bot and its directory check who calls them.
    HOOK_SIGNING_SECRET: settled.hookSigningSecret,
  };
  for (const name of ['DATABASE_URL', 'REDIS_URL']) delete environment[name];
  return environment;
}

function providers({ sandbox, ports }: Settled): NodeJS.ProcessEnv {
  if (!sandbox) return {};
  const twilio = `http://127.0.0.1:${ports.twilio}`;
  const chatGateway = `http://127.0.0.1:${ports.chatGateway}`;
  return {
    TWILIO_ACCOUNT_SID: sandbox.twilioAccountSid,
    TWILIO_AUTH_TOKEN: sandbox.twilioAuthToken,
    // Empty is unset: an API key alone does not make the providers real.
    TWILIO_SUBACCOUNTS: '',
    TWILIO_API_KEY_SID: '',
    TWILIO_API_KEY_SECRET: '',
    TWILIO_API_BASE_URL: twilio,
    TWILIO_MESSAGING_BASE_URL: twilio,
    TWILIO_CONTENT_BASE_URL: twilio,
    CHAT_GATEWAY_BASE_URL: chatGateway,
    CHAT_GATEWAY_API_KEY: sandbox.chatGatewayApiKey,
    CHAT_GATEWAY_TENANT_ID: sandbox.chatGatewayTenantId,
    CHAT_GATEWAY_CUSTOMER_ID: sandbox.chatGatewayCustomerId,
    // The sandbox is one tenant.
    TENANTS: '',
    SCHEDULE_BASE_URL: chatGateway,
    SCHEDULE_TENANT: '',
    SCHEDULE_DATA_TOKEN: sandbox.chatGatewayApiKey,
    METRICS_BASE_URL: chatGateway,
    METRICS_REGION: '',
    METRICS_API_KEY: 'sandbox',
    METRICS_API_SECRET: sandbox.chatGatewayApiKey,
  };
}
