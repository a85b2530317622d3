import { tmpdir } from 'node:os';
import request from 'supertest';
import { createLogger, readConfiguration } from '#platform';
import { run } from '../../apps/cli/src/run.js';
import { createGateway, type Gateway } from '../../apps/gateway/src/gateway.js';
import {
  type ChatGatewaySimulator,
  type OnExchange,
  startChatGatewaySimulator,
  startTwilioSimulator,
  type TwilioSimulator,
} from '../../apps/sandbox/src/index.js';
import { startTestDatabase, type TestDatabase } from './accepting.js';
import { freePort } from './postgres.js';

export const ADMIN_KEY = 'operator-key-0123456789';
export const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const TOKEN = 'twilio-token';
const CHAT_GATEWAY = { apiKey: 'the-key', tenantId: 'tenant01', customerId: 'customer01' };

/** A whole gateway over HTTP, between simulators of two accounts in which nothing has been set up for it. */
export interface SetUp {
  db: TestDatabase;
  twilio: TwilioSimulator;
  desk: ChatGatewaySimulator;
  /** As the providers reach the gateway. */
  publicUrl: string;
  /** The events' and webhooks' address at the desk. */
  webhookUrl: string;
  /** Ends the gateway that runs and starts one with these variables changed. */
  restart(environment?: Record<string, string>): Promise<void>;
  /** With the operator's key. */
  call(method: 'get' | 'post' | 'patch' | 'delete', path: string): request.Test;
  /** The command line, as a person sees it. */
  causeway(line: string): Promise<{ code: number; out: string; error: string }>;
  stop(): Promise<void>;
}

/** @param numbers that the Twilio account owns, their webhooks leading elsewhere */
export async function startSetUp(numbers: readonly string[], onExchange?: OnExchange): Promise<SetUp> {
  const [db, port] = await Promise.all([startTestDatabase(), freePort()]);
  const twilio = await startTwilioSimulator({
    accountSid: ACCOUNT,
    authTokens: [TOKEN],
    numbers,
    webhookUrl: 'https://somebody-else.example/sms',
    onExchange,
  });
  const desk = await startChatGatewaySimulator({
    ...CHAT_GATEWAY,
    queues: [
      { id: '100', name: 'Support' },
      { id: '101', name: 'Sales' },
    ],
    settings: { stepMs: 5 },
    onExchange,
  });
  const publicUrl = `http://127.0.0.1:${port}`;
  let gateway: Gateway | undefined;

  async function restart(environment: Record<string, string> = {}): Promise<void> {
    await gateway?.stop();
    await nobodyAt(publicUrl);
    const configuration = readConfiguration('gateway', {
      DATABASE_URL: db.url,
      ADMIN_API_KEY: ADMIN_KEY,
      TWILIO_ACCOUNT_SID: ACCOUNT,
      TWILIO_AUTH_TOKEN: TOKEN,
      TWILIO_API_BASE_URL: twilio.url,
      TWILIO_MESSAGING_BASE_URL: twilio.url,
      CHAT_GATEWAY_BASE_URL: desk.url,
      CHAT_GATEWAY_API_KEY: CHAT_GATEWAY.apiKey,
      CHAT_GATEWAY_TENANT_ID: CHAT_GATEWAY.tenantId,
      CHAT_GATEWAY_CUSTOMER_ID: CHAT_GATEWAY.customerId,
      PUBLIC_BASE_URL: publicUrl,
      MEDIA_DIR: tmpdir(),
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'silent',
      ...environment,
    });
    gateway = await createGateway(configuration, createLogger('gateway', configuration));
    await gateway.listen();
  }
  await restart();

  return {
    db,
    twilio,
    desk,
    publicUrl,
    webhookUrl: `${publicUrl}/webhooks/chat-gateway`,
    restart,
    call: (method, path) =>
      request(publicUrl)
        [method](`/api/v1/${path}`)
        .set('authorization', `Bearer ${ADMIN_KEY}`)
        .ok(() => true),
    causeway: async (line) => {
      const [out, errors]: [string[], string[]] = [[], []];
      const code = await run(line.split(' '), {
        environment: { CAUSEWAY_URL: publicUrl, ADMIN_API_KEY: ADMIN_KEY },
        root: tmpdir(),
        out: (text) => out.push(text),
        error: (text) => errors.push(text),
        colours: false,
      });
      return { code, out: out.join('\n'), error: errors.join('\n') };
    },
    stop: async () => {
      await gateway?.stop();
      await Promise.all([twilio.close(), desk.close()]);
      await db.stop();
    },
  };
}

/** Waits until connections are refused: a client that keeps one open would else send its next request into it. */
async function nobodyAt(url: string): Promise<void> {
  for (;;) {
    const error: unknown = await fetch(url).then(
      () => undefined,
      (failure: unknown) => failure,
    );
    const cause = error instanceof Error ? error.cause : undefined;
    if (cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED') return;
  }
}
