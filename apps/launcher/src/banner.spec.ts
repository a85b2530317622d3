import { describe, expect, it } from 'vitest';
import { banner, readyLine, readySeconds, type Started } from './banner.js';
import type { Settled } from './environment.js';

const settled: Settled = {
  options: {
    root: '/opt/causeway',
    home: '/opt/causeway/.causeway',
    environment: {},
    databaseUrl: undefined,
    redisUrl: undefined,
    adminApiKey: undefined,
    hookSigningSecret: undefined,
    sandbox: false,
    host: '127.0.0.1',
    ports: { gateway: 3000, worker: 3001, sandbox: 4000, twilio: 4010, chatGateway: 4020 },
    publicBaseUrl: undefined,
  },
  ports: { gateway: 3000, worker: 3001, sandbox: 4000, twilio: 4010, chatGateway: 4020 },
  publicBaseUrl: 'https://text.example.com',
  adminApiKey: 'a-key-that-is-long-enough',
  hookSigningSecret: 'whsec_secret',
  sandbox: undefined,
};
const started: Started = {
  postgres: { port: 5433, dataDir: '/opt/causeway/.causeway/postgres/data', adopted: false },
  redisAnswers: undefined,
  newAdminApiKey: undefined,
};

describe(banner.name, () => {
  it('tells real providers where to send webhooks, and offers no simulators', () => {
    const text = banner(settled, started);
    expect(text).toContain('https://text.example.com/webhooks/twilio/messages');
    expect(text).toContain('https://text.example.com/webhooks/chat-gateway');
    expect(text).not.toMatch(/4000|4010|4020|sandbox/);
  });

  it('never shows a key that is not new', () => {
    expect(banner(settled, started)).not.toContain(settled.adminApiKey);
    const own = { ...settled, options: { ...settled.options, adminApiKey: settled.adminApiKey } };
    expect(banner(own, started)).toContain('Operator key: the one in ADMIN_API_KEY');
    expect(banner(own, started)).not.toContain(settled.adminApiKey);
  });

  it('shows a new key, and where it is kept', () => {
    const text = banner(settled, { ...started, newAdminApiKey: settled.adminApiKey });
    expect(text).toContain(`\n  ${settled.adminApiKey}\n`);
    expect(text).toContain('/opt/causeway/.causeway/admin-api-key');
  });

  it('says so when Redis does not answer, or the providers cannot know where we are', () => {
    const text = banner(settled, { ...started, redisAnswers: false });
    expect(text).toContain('on Redis, which does not answer (REDIS_URL)');
    expect(text).toContain('PUBLIC_BASE_URL is not set');
    const known = { ...settled, options: { ...settled.options, publicBaseUrl: settled.publicBaseUrl } };
    expect(banner(known, { ...started, redisAnswers: true })).not.toMatch(/does not answer|not set/);
  });

  it('names databases and queues of the operator without their addresses', () => {
    const options = { ...settled.options, databaseUrl: 'postgres://u:secret@db/x', redisUrl: 'redis://r' };
    const text = banner({ ...settled, options }, { ...started, postgres: undefined, redisAnswers: true });
    expect(text).toContain('yours (DATABASE_URL)');
    expect(text).toMatch(/on Redis$/m);
    expect(text).not.toMatch(/secret|redis:/);
  });
});

describe(readySeconds.name, () => {
  it('reads what readyLine prints', () => {
    expect(readySeconds(`something\n${readyLine(3240)}\n`)).toBe(3.2);
    expect(readySeconds('not yet ready in any case')).toBeUndefined();
  });
});
