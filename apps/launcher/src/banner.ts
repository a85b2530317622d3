import { isAbsolute, join, relative } from 'node:path';
import { gatewayUrl, SANDBOX_NUMBERS, type Settled } from './environment.js';
import { reachableHost } from './ports.js';

/** What the banner tells beside what was settled. */
export interface Started {
  /** Undefined with a database of the operator's own. */
  postgres: { port: number; dataDir: string; adopted: boolean } | undefined;
  /** Whether Redis accepts connections; undefined where it is not used. */
  redisAnswers: boolean | undefined;
  /** Shown only at the start that made it. */
  newAdminApiKey: string | undefined;
}

const CUSTOMER = '+15550123';

/** What a person who typed `npm start` needs next: what runs where, what to open, how to try it, how to end it. */
export function banner(settled: Settled, started: Started): string {
  const { options, ports } = settled;
  const base = gatewayUrl(settled).replace('127.0.0.1', 'localhost');
  const worker = `http://${reachableHost(options.host)}:${ports.worker}`.replace('127.0.0.1', 'localhost');
  const home = shown(options.home);
  const lines = [
    settled.sandbox
      ? 'Causeway is running. Twilio and the Chat Gateway are simulated.'
      : 'Causeway is running.',
    '',
    ...rows({
      gateway: base,
      worker,
      Postgres: postgresLine(started),
      queue: queueLine(started),
      ...(settled.sandbox && {
        simulators: `Twilio ${twilioUrl(settled)}, Chat Gateway ${deskUrl(settled)}`,
      }),
    }),
    '',
    'Open',
    ...rows({
      ...(settled.sandbox && {
        sandbox: `${sandboxUrl(settled)}   phones, agents, and what the bridge does`,
      }),
      'API docs': `${base}/api/docs`,
      health: `${base}/health/ready`,
      metrics: `${base}/metrics`,
    }),
    '',
    ...keyLines(settled, started, home),
    '',
    ...(settled.sandbox ? tryLines(settled, base, home) : providerLines(settled)),
    '',
    `Logs are in ${join(home, 'logs')}. Ctrl-C ends everything in order; the data stays in ${home}.`,
  ];
  return lines.join('\n');
}

/** The last line of a start. */
export function readyLine(elapsedMs: number): string {
  return `ready in ${(elapsedMs / 1000).toFixed(1)} s`;
}

/** Reads the seconds out of the output of a start; undefined while it is not ready. */
export function readySeconds(output: string): number | undefined {
  const found = /^ready in (\d+\.\d) s$/m.exec(output)?.[1];
  return found === undefined ? undefined : Number(found);
}

function postgresLine({ postgres }: Started): string {
  if (!postgres) return 'yours (DATABASE_URL)';
  const how = postgres.adopted ? ' (found running)' : '';
  return `127.0.0.1:${postgres.port}, data in ${shown(postgres.dataDir)}${how}`;
}

function queueLine({ redisAnswers }: Started): string {
  if (redisAnswers === undefined) return 'on Postgres';
  if (redisAnswers) return 'on Redis';
  return 'on Redis, which does not answer (REDIS_URL): until it does, workers look for messages themselves, a little later';
}

function keyLines({ options }: Settled, { newAdminApiKey }: Started, home: string): string[] {
  if (options.adminApiKey !== undefined) return ['Operator key: the one in ADMIN_API_KEY'];
  const file = join(home, 'admin-api-key');
  if (newAdminApiKey === undefined) return [`Operator key: in ${file}`];
  return [`Operator key, shown this once and kept in ${file}`, `  ${newAdminApiKey}`];
}

function tryLines(settled: Settled, base: string, home: string): string[] {
  const key =
    settled.options.adminApiKey === undefined ? `$(cat ${join(home, 'admin-api-key')})` : '$ADMIN_API_KEY';
  return [
    'Try it from another shell',
    `  a customer texts ${SANDBOX_NUMBERS[0].address}:`,
    `    curl -d '{"from":"${CUSTOMER}","body":"Hello, is anyone there?"}' ${twilioUrl(settled)}/__sandbox/texts`,
    '  an agent answers:',
    `    curl -d '{"text":"Hi, how can I help?"}' ${deskUrl(settled)}/__sandbox/answer`,
    "  what is on the customer's phone:",
    `    curl '${twilioUrl(settled)}/__sandbox/messages?to=${encodeURIComponent(CUSTOMER)}'`,
    '  the conversation, as operators see it:',
    `    curl -H "Authorization: Bearer ${key}" ${base}/api/v1/conversations`,
  ];
}

function providerLines({ options, publicBaseUrl }: Settled): string[] {
  const unset =
    'PUBLIC_BASE_URL is not set: set it to the address at which the providers reach this gateway.';
  return [
    'Where the providers must send their webhooks',
    ...rows({
      Twilio: `${publicBaseUrl}/webhooks/twilio/messages`,
      'Chat Gateway': `${publicBaseUrl}/webhooks/chat-gateway`,
    }),
    ...(options.publicBaseUrl === undefined ? [`  ${unset}`] : []),
  ];
}

function rows(table: Record<string, string>): string[] {
  const width = Math.max(...Object.keys(table).map((name) => name.length));
  return Object.entries(table).map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}

function sandboxUrl({ ports }: Settled): string {
  return `http://localhost:${ports.sandbox}`;
}

function twilioUrl({ ports }: Settled): string {
  return `http://127.0.0.1:${ports.twilio}`;
}

function deskUrl({ ports }: Settled): string {
  return `http://127.0.0.1:${ports.chatGateway}`;
}

/** Paths below the working directory are shown as one would type them. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') || isAbsolute(short) ? path : short;
}
