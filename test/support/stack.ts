import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  durationMs,
  environmentOf,
  readCompose,
  type ComposeFile,
  type ComposeService,
  type HostEnvironment,
} from './compose.js';
import { layOutImage, readImage, type Image } from './image.js';
import { freePort, startTestPostgres } from './postgres.js';
import { startTestRedis, type TestRedis } from './redis.js';
import { Service } from './service.js';

/**
 * The services of docker-compose.yml as processes of this machine, started by hand: the compose file's commands and
 * variables, run from the image's files. What containers would have of their own is mapped: names of other services,
 * and each process's port.
 */
export class Stack {
  readonly file: ComposeFile;
  readonly image: Image = readImage();
  readonly gateways: Service[] = [];
  readonly workers: Service[] = [];
  databaseUrl: string | undefined;
  /** In which services were started. */
  readonly order: string[] = [];
  #redis: TestRedis | undefined;
  readonly #started = new Map<string, Promise<void>>();
  readonly #closing: (() => Promise<unknown>)[] = [];
  #app = '';

  constructor(
    private readonly host: HostEnvironment,
    /** The port that the gateway is published at. */
    private readonly gatewayPort: number,
  ) {
    this.file = readCompose(host);
  }

  get redis(): TestRedis {
    if (!this.#redis) throw new Error('Redis was not started.');
    return this.#redis;
  }

  /** `docker compose up`: each service once what it depends on is there, and no earlier. */
  async up(): Promise<void> {
    try {
      const folder = await mkdtemp(join(tmpdir(), 'causeway-image-'));
      this.#closing.unshift(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
      this.#app = folder;
      layOutImage(this.image, folder);
      await Promise.all(Object.keys(this.file.services).map((name) => this.#start(name)));
    } catch (error) {
      await this.down();
      throw error;
    }
  }

  async down(): Promise<void> {
    await Promise.all([...this.gateways, ...this.workers].map((service) => service.stop()));
    for (const work of this.#closing.splice(0)) await work();
  }

  /** `docker compose run migrate`. */
  async migrate(): Promise<void> {
    await this.#container('migrate').run();
  }

  /** The exit code of the image's health check in a container; null where it took too long. */
  async healthcheck(container: Service): Promise<number | null> {
    const { command, timeoutMs } = this.image.healthcheck;
    const check = spawn(...onThisNode(command), { env: { ...container.environment }, stdio: 'ignore' });
    const timer = setTimeout(() => check.kill('SIGKILL'), timeoutMs);
    const [code] = (await once(check, 'exit')) as [number | null];
    clearTimeout(timer);
    return code;
  }

  gracePeriodMs(name: string): number {
    return durationMs(this.service(name).stop_grace_period ?? '10s');
  }

  service(name: string): ComposeService {
    const service = this.file.services[name];
    if (!service) throw new Error(`docker-compose.yml has no service "${name}".`);
    return service;
  }

  #start(name: string): Promise<void> {
    const starting = this.#started.get(name) ?? this.#startAfterOthers(name);
    this.#started.set(name, starting);
    return starting;
  }

  async #startAfterOthers(name: string): Promise<void> {
    await Promise.all(Object.keys(this.service(name).depends_on ?? {}).map((other) => this.#start(other)));
    this.order.push(name);
    if (name === 'postgres') await this.#startPostgres();
    else if (name === 'redis') await this.#startRedis();
    else if (name === 'migrate') await this.migrate();
    else if (name === 'gateway') await this.#startContainer('gateway', this.gateways, this.gatewayPort);
    else if (name === 'worker') {
      const replicas = Array.from({ length: this.service(name).deploy?.replicas ?? 1 });
      await Promise.all(
        replicas.map(async () => this.#startContainer('worker', this.workers, await freePort())),
      );
    } else throw new Error(`Nobody knows how to start "${name}" by hand.`);
  }

  async #startPostgres(): Promise<void> {
    const postgres = await startTestPostgres();
    this.#closing.unshift(() => postgres.stop());
    this.databaseUrl = await postgres.createDatabase();
  }

  async #startRedis(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'causeway-redis-'));
    this.#closing.unshift(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
    const redis = await startTestRedis({ dir: folder, ...redisSettings(this.service('redis').command) });
    this.#closing.unshift(() => redis.stop());
    this.#redis = redis;
  }

  async #startContainer(name: 'gateway' | 'worker', among: Service[], port: number): Promise<void> {
    const container = this.#container(name, port);
    among.push(container);
    await container.start();
  }

  #container(name: 'gateway' | 'worker' | 'migrate', port?: number): Service {
    const service = this.service(name);
    const environment = {
      ...this.image.environment,
      ...this.#mapped(environmentOf(service, this.host)),
      ...(port !== undefined && { PORT: String(port) }),
      HOST: '127.0.0.1',
    };
    const [, args] = onThisNode(service.command);
    return new Service(name, environment, { args, cwd: this.#app });
  }

  /** Postgres and Redis by the addresses that they have here; the names of what is not started lead nowhere. */
  #mapped(environment: Record<string, string>): Record<string, string> {
    const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = this.service('postgres').environment ?? {};
    const theirs: Record<string, string> = {
      [`postgres://${POSTGRES_USER}:${POSTGRES_PASSWORD}@postgres:5432/${POSTGRES_DB}`]:
        this.databaseUrl ?? 'postgres://127.0.0.1:1/none',
      'redis://redis:6379': this.#redis?.url ?? 'redis://127.0.0.1:1',
    };
    return Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [name, theirs[value] ?? value]),
    );
  }
}

/** `node …`, run by the Node that runs this. */
function onThisNode([program, ...args]: string[]): [string, string[]] {
  if (program !== 'node') throw new Error(`The image has no program "${program}".`);
  return [process.execPath, args];
}

/** `redis-server --name value …` */
function redisSettings([program, ...args]: string[]): Record<string, string> {
  if (program !== 'redis-server') throw new Error(`The image of Redis has no program "${program}".`);
  const settings: Record<string, string> = {};
  for (let index = 0; index < args.length; index += 2) {
    settings[(args[index] ?? '').replace(/^--/, '')] = args[index + 1] ?? '';
  }
  return settings;
}
