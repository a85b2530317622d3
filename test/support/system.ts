import {
  startChatGatewaySimulator,
  startTwilioSimulator,
  type ChatGatewaySettings,
  type ChatGatewaySimulator,
  type TwilioSettings,
  type TwilioSimulatorOptions,
  type TwilioSimulator,
} from '../../apps/sandbox/src/index.js';
import { createPool, type Pool } from '#persistence';
import { CANARIES, canariesIn, tapPostgres, tapRedis, type QueueTap } from './canaries.js';
import { contractsAvailable, ExchangeAudit } from './contracts.js';
import { startTestPostgres, type TestPostgres, type TestPostgresOptions } from './postgres.js';
import { startProxy, type RoundRobinProxy } from './proxy.js';
import { startTestRedis, type TestRedis } from './redis.js';
import { Service, type Program } from './service.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';

/** Our two addresses in every system. */
export const NUMBERS = ['+15550100', 'whatsapp:+15550100'] as const;
/** Twilio has it, Causeway does not know it yet. */
export const SPARE_NUMBER = '+15550199';
export const CHANNEL_ID = '25';

/** What gateways and workers reach over the network. */
export type Place = 'postgres' | 'redis' | 'twilio' | 'desk';

export interface SystemOptions {
  queues: 'redis' | 'postgres';
  gateways?: number;
  workers?: number;
  /** For gateways and workers. */
  env?: Record<string, string>;
  /** The desk's account has these queues, and neither a webhook nor a channel. */
  emptyDesk?: { queues: readonly { id: string; name: string }[] };
  /** Of {@link NUMBERS}: which are configured from the start; both unless told. */
  configured?: readonly string[];
  twilio?: Partial<TwilioSettings>;
  /** Twilio accounts beside the main one. */
  subAccounts?: TwilioSimulatorOptions['subAccounts'];
  desk?: Partial<ChatGatewaySettings>;
  /** Whether all that is exchanged and queued is kept, to be checked at the end: true unless a run is too long for that. */
  audited?: boolean;
  postgres?: TestPostgresOptions;
  /** Directives of redis.conf. */
  redis?: Record<string, string>;
  /** What gateways and workers reach by a way that can be disturbed; the test itself does not. */
  paths?: readonly Place[];
}

/** Short enough for a test to wait out, long enough for a machine that is busy. */
export const IMPATIENT = {
  LANE_LEASE_MS: '3000',
  SEND_TIMEOUT_MS: '1400',
  SWEEP_INTERVAL_MS: '500',
  UNCERTAIN_SETTLE_MS: '1500',
  PROBE_INTERVAL_MS: '500',
  CREDENTIALS_PROBE_INTERVAL_MS: '500',
};

/** The whole service as real processes on a database of its own, between the two simulators. */
export class System {
  readonly gateways: Service[] = [];
  readonly workers: Service[] = [];
  readonly #audit: ExchangeAudit | undefined;
  readonly #closing: (() => Promise<unknown>)[] = [];
  readonly #paths = new Map<Place, TcpProxy>();
  #environment: Record<string, string> = {};
  #tap: QueueTap | undefined;
  #stopped = false;
  postgres!: TestPostgres;
  databaseUrl = '';
  pool!: Pool;
  redis: TestRedis | undefined;
  proxy!: RoundRobinProxy;
  twilio!: TwilioSimulator;
  desk!: ChatGatewaySimulator;

  private constructor(readonly options: SystemOptions) {
    this.#audit = options.audited !== false && contractsAvailable() ? new ExchangeAudit() : undefined;
  }

  static async start(options: SystemOptions): Promise<System> {
    const system = new System(options);
    try {
      await system.#start();
      return system;
    } catch (error) {
      await system.#close();
      throw error;
    }
  }

  /** Where the providers and operators reach the gateways, in turn. */
  get url(): string {
    return `http://127.0.0.1:${this.proxy.port}`;
  }

  /** The way to a place; it must be among the `paths` of the options. */
  path(to: Place): TcpProxy {
    const path = this.#paths.get(to);
    if (!path) throw new Error(`There is no way to ${to} that can be disturbed.`);
    return path;
  }

  async addGateway(extra: Record<string, string> = {}): Promise<Service> {
    const gateway = new Service('gateway', this.#environment);
    this.gateways.push(gateway);
    await this.startAgain(gateway, extra);
    return gateway;
  }

  async addWorker(extra: Record<string, string> = {}, program?: Program): Promise<Service> {
    const worker = new Service('worker', this.#environment, program);
    this.workers.push(worker);
    await worker.start(extra);
    return worker;
  }

  /** Another process of a service that has ended. `extra` is its environment beside the common one. */
  async startAgain(service: Service, extra: Record<string, string> = {}): Promise<void> {
    await service.start(extra);
    this.proxy.targets = this.gateways.filter(({ running }) => running).map(({ port }) => port);
  }

  /** A call of the operator API. */
  async api(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${CANARIES.adminApiKey}`,
        connection: 'close',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  async configure(address: string): Promise<void> {
    const { status, body } = await this.api('POST', '/numbers', {
      address,
      chatGatewayChannelId: CHANNEL_ID,
    });
    if (status !== 201)
      throw new Error(`The number could not be configured: ${status} ${JSON.stringify(body)}`);
  }

  /** How the run breaks a contract or shows what it must not show (I10); empty when all is well. */
  async violations(): Promise<string[]> {
    const found = this.#audit?.violations() ?? [];
    for (const service of [...this.gateways, ...this.workers]) {
      found.push(...canariesIn(`the log of a ${service.name}`, service.lines));
      if (!service.running) continue;
      const metrics = await fetch(`http://127.0.0.1:${service.port}/metrics`).then((response) =>
        response.text(),
      );
      found.push(...canariesIn(`/metrics of a ${service.name}`, [metrics]));
    }
    found.push(...canariesIn('the queue', (await this.#tap?.texts()) ?? []));
    return found;
  }

  /** Ends everything and fails where {@link violations} finds something. Safe to call twice. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    let found: string[];
    try {
      this.redis?.thaw();
      for (const path of this.#paths.values()) path.heal();
      found = await this.violations();
    } finally {
      await this.#close();
    }
    if (found.length > 0) throw new Error(`The run breaks a rule:\n${found.slice(0, 20).join('\n')}`);
  }

  async #start(): Promise<void> {
    const { queues, gateways = 1, workers = 1, configured = NUMBERS } = this.options;
    this.postgres = await startTestPostgres(this.options.postgres);
    this.#onClose(() => this.postgres.stop());
    this.databaseUrl = await this.postgres.createDatabase();
    this.pool = createPool({ databaseUrl: this.databaseUrl, name: 'test', maxConnections: 4 });
    this.#onClose(() => this.pool.end());
    if (queues === 'redis') {
      const redis = await startTestRedis(this.options.redis);
      this.redis = redis;
      this.#onClose(() => redis.stop());
    }
    this.proxy = await startProxy();
    this.#onClose(() => this.proxy.close());
    await this.#startSimulators();
    await this.#openPaths();
    this.#environment = this.#commonEnvironment();
    await new Service('migrate', this.#environment).run();
    await this.#tapQueue();
    this.#onClose(() => Promise.all([...this.gateways, ...this.workers].map((service) => service.stop())));
    await Promise.all([
      ...Array.from({ length: gateways }, () => this.addGateway()),
      ...Array.from({ length: workers }, () => this.addWorker()),
    ]);
    for (const address of configured) await this.configure(address);
  }

  async #startSimulators(): Promise<void> {
    if (!contractsAvailable())
      console.warn('The published contracts are absent: exchanges are not checked against them.');
    const onExchange = this.#audit?.record;
    const twilio = await startTwilioSimulator({
      accountSid: CANARIES.accountSid,
      authTokens: [CANARIES.authToken],
      numbers: [...NUMBERS, SPARE_NUMBER],
      webhookUrl: `${this.url}/webhooks/twilio/messages`,
      settings: this.options.twilio ?? {},
      subAccounts: this.options.subAccounts ?? [],
      onExchange,
    });
    this.twilio = twilio;
    this.#onClose(() => twilio.close());
    const desk = await startChatGatewaySimulator({
      apiKey: CANARIES.apiKey,
      tenantId: 'tenant-1',
      customerId: 'customer-1',
      dataToken: CANARIES.dataToken,
      metricsKey: 'metrics-1',
      metricsSecret: CANARIES.metricsSecret,
      ...(this.options.emptyDesk ?? {
        webhookUrl: `${this.url}/webhooks/chat-gateway`,
        channelId: CHANNEL_ID,
      }),
      settings: this.options.desk ?? {},
      onExchange,
    });
    this.desk = desk;
    this.#onClose(() => desk.close());
  }

  async #openPaths(): Promise<void> {
    const places: Record<Place, string | undefined> = {
      postgres: this.databaseUrl,
      redis: this.redis?.url,
      twilio: this.twilio.url,
      desk: this.desk.url,
    };
    for (const to of this.options.paths ?? []) {
      const path = await startTcpProxy(places[to] ?? '');
      this.#paths.set(to, path);
      this.#onClose(() => path.close());
    }
  }

  #way(to: Place, url: string): string {
    return this.#paths.get(to)?.through(url) ?? url;
  }

  async #tapQueue(): Promise<void> {
    // A Redis that a test only pretends to have holds nothing.
    if (!this.redis && this.options.env?.['REDIS_URL'] !== undefined) return;
    if (this.options.audited === false) return;
    const tap = this.redis ? await tapRedis(this.redis.url) : await tapPostgres(this.pool);
    this.#tap = tap;
    this.#onClose(() => tap.close());
  }

  #commonEnvironment(): Record<string, string> {
    return {
      PORT: '0',
      HOST: '127.0.0.1',
      PUBLIC_BASE_URL: this.url,
      DATABASE_URL: this.#way('postgres', this.databaseUrl),
      ...(this.redis && { REDIS_URL: this.#way('redis', this.redis.url) }),
      ADMIN_API_KEY: CANARIES.adminApiKey,
      TWILIO_ACCOUNT_SID: CANARIES.accountSid,
      TWILIO_AUTH_TOKEN: CANARIES.authToken,
      TWILIO_API_BASE_URL: this.#way('twilio', this.twilio.url),
      TWILIO_MESSAGING_BASE_URL: this.#way('twilio', this.twilio.url),
      CHAT_GATEWAY_BASE_URL: this.#way('desk', this.desk.url),
      CHAT_GATEWAY_API_KEY: CANARIES.apiKey,
      CHAT_GATEWAY_TENANT_ID: 'tenant-1',
      CHAT_GATEWAY_CUSTOMER_ID: 'customer-1',
      SCHEDULE_BASE_URL: this.#way('desk', this.desk.url),
      SCHEDULE_DATA_TOKEN: CANARIES.dataToken,
      SCHEDULE_CACHE_MS: '1000',
      METRICS_BASE_URL: this.#way('desk', this.desk.url),
      METRICS_API_KEY: 'metrics-1',
      METRICS_API_SECRET: CANARIES.metricsSecret,
      // The more is logged, the more can show what it must not.
      LOG_LEVEL: 'debug',
      ...this.options.env,
    };
  }

  #onClose(work: () => Promise<unknown>): void {
    this.#closing.unshift(work);
  }

  async #close(): Promise<void> {
    for (const work of this.#closing.splice(0)) {
      await work().catch((error: unknown) => console.warn('A part of the system did not stop well.', error));
    }
  }
}

export async function startSystem(options: SystemOptions): Promise<System> {
  return System.start(options);
}
