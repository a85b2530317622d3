import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { PROJECT } from './project.js';

type Condition = 'service_started' | 'service_healthy' | 'service_completed_successfully';

/** One service of the compose file, as far as it is looked at here. */
export interface ComposeService {
  image: string;
  build?: string;
  command: string[];
  /** Null: the host's value, where there is one. */
  environment?: Record<string, string | null>;
  depends_on?: Record<string, { condition: Condition }>;
  deploy?: { replicas: number };
  healthcheck?: { test?: string[]; disable?: boolean };
  ports?: string[];
  volumes?: string[];
  restart: string;
  stop_grace_period?: string;
  init?: boolean;
  read_only?: boolean;
  cap_drop?: string[];
}

export interface ComposeFile {
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
}

export type HostEnvironment = Readonly<Record<string, string | undefined>>;

export function composeText(): string {
  return readFileSync(join(PROJECT, 'docker-compose.yml'), 'utf8');
}

/** The compose file with everything filled in that it takes from the host. Throws where a required variable is missing. */
export function readCompose(host: HostEnvironment): ComposeFile {
  return resolve(parse(composeText(), { merge: true }), host) as ComposeFile;
}

/** The environment that a service's containers are given; what the host does not have is left out. */
export function environmentOf(service: ComposeService, host: HostEnvironment): Record<string, string> {
  const given = Object.entries(service.environment ?? {}).map(([name, value]) => [name, value ?? host[name]]);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined)) as Record<string, string>;
}

/** `30s`, `1m30s` → milliseconds. */
export function durationMs(text: string): number {
  const [, minutes = '0', seconds = '0'] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
  return (Number(minutes) * 60 + Number(seconds)) * 1_000;
}

function resolve(value: unknown, host: HostEnvironment): unknown {
  if (typeof value === 'string') return interpolate(value, host);
  if (Array.isArray(value)) return value.map((item) => resolve(item, host));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, host)]));
}

/** `$NAME`, `${NAME}` and `${NAME<operator>word}` as the Compose Specification has them, without nesting. */
export function interpolate(text: string, host: HostEnvironment): string {
  const pattern = /\$(?:(\$)|(\w+)|\{(\w+)(?:(:?[-?+])([^{}]*))?\}|)/g;
  return text.replace(
    pattern,
    (found, dollar?: string, bare?: string, braced?: string, operator = '', word = '') => {
      if (dollar !== undefined) return '$';
      const name = bare ?? braced;
      if (name === undefined) throw new Error(`This is no variable: ${text}`);
      const value = host[name];
      const set = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
      if (operator.endsWith('+')) return set ? word : '';
      if (set) return value ?? '';
      if (operator.endsWith('?'))
        throw new Error(`required variable ${name} is missing a value: ${word || found}`);
      return word;
    },
  );
}
