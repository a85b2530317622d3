import { causewayAt } from './bot/causeway.js';
import type { ChatGatewaySimulatorOptions } from './chat-gateway/simulator.js';
import { recordExchangesIn } from './common/exchanges.js';
import type { SandboxSettings } from './page/sandbox.js';
import type { PageOptions } from './page/server.js';
import type { TwilioSimulatorOptions } from './twilio/settings.js';

export interface SandboxOptions {
  twilio: TwilioSimulatorOptions;
  chatGateway: ChatGatewaySimulatorOptions;
  page: Omit<PageOptions, 'files'>;
  sandbox: SandboxSettings;
}

const ZEROS = '0'.repeat(32);
/** As docs/OPERATIONS.md recommends them for the real one, and `causeway provision twilio` sets them. */
const OVERRIDES = '#rc=2&rt=4000&tt=15000&rp=all';

/**
 * The sandbox's own configuration. It is no part of the product, so the product's schema does not know these variables;
 * where both need a value (credentials), the name is the same, and one environment serves both.
 */
export function sandboxOptions(env: Record<string, string | undefined>): SandboxOptions {
  const value = (name: string, fallback: string): string => {
    const text = env[name];
    return text === undefined || text === '' ? fallback : text;
  };
  const list = (name: string, fallback: string): string[] =>
    value(name, fallback)
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  const port = (name: string, fallback: number): number => {
    const number = Number(value(name, String(fallback)));
    if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
    throw new Error(`${name} must be a port number from 0 to 65535`);
  };
  const host = value('SANDBOX_HOST', '127.0.0.1');
  const publicBaseUrl = value('PUBLIC_BASE_URL', 'http://localhost:3000').replace(/\/+$/, '');
  const exchangeLog = env['SANDBOX_EXCHANGE_LOG'];
  const gatewayUrl = value('SANDBOX_GATEWAY_URL', publicBaseUrl).replace(/\/+$/, '');
  const adminApiKey = env['ADMIN_API_KEY'] || undefined;
  // Each of them signs.
  const [secret] = list('HOOK_SIGNING_SECRET', '');
  const onExchange = exchangeLog ? recordExchangesIn(exchangeLog) : undefined;
  return {
    twilio: {
      port: port('TWILIO_SIM_PORT', 4010),
      host,
      accountSid: value('TWILIO_ACCOUNT_SID', `AC${ZEROS}`),
      authTokens: list('TWILIO_AUTH_TOKEN', 'sandbox-auth-token'),
      apiKeySid: value('TWILIO_API_KEY_SID', `SK${ZEROS}`),
      apiKeySecret: value('TWILIO_API_KEY_SECRET', 'sandbox-api-key-secret'),
      numbers: list('SANDBOX_TWILIO_NUMBERS', '+15550100,+15550200,whatsapp:+15550100'),
      webhookUrl: value(
        'SANDBOX_TWILIO_WEBHOOK_URL',
        `${publicBaseUrl}/webhooks/twilio/messages${OVERRIDES}`,
      ),
      statusUrl: `${publicBaseUrl}/webhooks/twilio/status${OVERRIDES}`,
      onExchange,
    },
    chatGateway: {
      port: port('CHAT_GATEWAY_SIM_PORT', 4020),
      host,
      apiKey: value('CHAT_GATEWAY_API_KEY', 'sandbox-api-key'),
      tenantId: value('CHAT_GATEWAY_TENANT_ID', 'sandbox-tenant'),
      customerId: value('CHAT_GATEWAY_CUSTOMER_ID', 'sandbox-customer'),
      dataToken: value('SCHEDULE_DATA_TOKEN', 'sandbox-data-token'),
      metricsKey: value('METRICS_API_KEY', 'sandbox-metrics-key'),
      metricsSecret: value('METRICS_API_SECRET', 'sandbox-metrics-secret'),
      webhookUrl: value('SANDBOX_CHAT_GATEWAY_WEBHOOK_URL', `${publicBaseUrl}/webhooks/chat-gateway`),
      channelId: value('SANDBOX_CHANNEL_ID', '25'),
      onExchange,
    },
    page: {
      host,
      port: port('SANDBOX_PORT', 4000),
      // It needs both: what Causeway signs with, and a key to answer with.
      bot: secret && adminApiKey ? { secret, causeway: causewayAt(gatewayUrl, adminApiKey) } : undefined,
    },
    sandbox: { gatewayUrl, adminApiKey },
  };
}
