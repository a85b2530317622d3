import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TwilioProvisioning } from '#channel-twilio';
import { ProvisionedWebhooks, Upkeep } from '#persistence';
import { createLogger, Metrics, ProviderHttp, readConfiguration } from '#platform';
import { ProvisioningCheck } from '../../apps/worker/src/provisioning-check.js';
import { ReconcileObserver } from '../../apps/worker/src/reconcilers/observer.js';
import { testTenants } from '../support/tenants.js';
import { TwilioResources } from '../support/twilio-resources.js';
import { ACCOUNT, startOperatorApi, type OperatorApi } from './operator-api-app.js';

const SUB = 'AC2';
const SERVICE = `MG${'0'.repeat(32)}`;
const PUBLIC = 'https://text.example.com';
const OVERRIDES = '#rc=2&rt=4000&tt=15000&rp=all';
const INBOUND = `${PUBLIC}/webhooks/twilio/messages${OVERRIDES}`;
const INTERVAL_MS = 3_600_000;

const http = new ProviderHttp();
const twilio = new TwilioResources();
let api: OperatorApi;
let nextNumber = 0;

const provisioning = (publicBaseUrl = PUBLIC) =>
  new TwilioProvisioning(http, {
    accountSid: ACCOUNT,
    username: ACCOUNT,
    password: 'main-token',
    subAccounts: { [SUB]: ['sub-token'] },
    apiBaseUrl: twilio.url,
    publicBaseUrl,
  });

beforeAll(async () => {
  await twilio.start();
  api = await startOperatorApi(undefined, {
    provisioning: provisioning(),
    tenants: testTenants(ACCOUNT, { accounts: [SUB] }),
  });
});
afterAll(async () => {
  await api.stop();
  http.destroy();
  await twilio.stop();
});
beforeEach(async () => {
  Object.assign(twilio, {
    numbers: [],
    services: [],
    members: {},
    writes: [],
    requests: [],
    refusal: undefined,
    writeRefusal: undefined,
  });
  await api.db.pool.query('truncate duties, provisioned_webhooks');
});

interface Made {
  id: string;
  address: string;
  /** Its resource at Twilio. */
  resource: Record<string, unknown>;
  path: string;
}

/** A number that is configured here and stands at Twilio as somebody left it. */
async function made(fields: object = {}): Promise<Made> {
  nextNumber += 1;
  const address = `+1555010${String(nextNumber).padStart(4, '0')}`;
  const answer = await api
    .call('post', 'numbers')
    .send({ address, chatGatewayChannelId: 'channel-1', ...fields });
  expect(answer.status).toBe(201);
  const resource = {
    sid: `PN${nextNumber}`,
    phone_number: address,
    sms_url: 'https://old',
    sms_method: 'POST',
  };
  twilio.numbers.push(resource);
  const { id } = answer.body as { id: string };
  return { id, address, resource, path: `numbers/${id}/provisioning` };
}

async function acts(id: string): Promise<unknown[]> {
  const { body } = await api.call('get', `audit?target=${id}&action=number.provision`);
  return (body as { items: unknown[] }).items;
}

describe('provisioning a number', () => {
  it('shows the difference, changes it once, and is at its end then', async () => {
    const number = await made();
    const difference = { field: 'sms_url', is: 'https://old', shouldBe: INBOUND };
    const target = { kind: 'number', sid: number.resource['sid'] };
    const shown = await api.call('get', number.path);
    expect(shown.body).toEqual({ target, notes: [], differences: [difference] });
    const tried = await api.call('post', number.path).send({ dryRun: true });
    expect(tried.body).toEqual({ ...(shown.body as object), dryRun: true, changed: [] });
    expect(twilio.writes).toEqual([]);
    expect(await acts(number.id)).toEqual([]);

    const instant = expect.stringMatching(/^\d{4}-.+Z$/) as unknown;
    const done = await api.call('post', number.path).set('X-Causeway-Operator', 'ann');
    expect(done.status).toBe(200);
    expect(done.body).toEqual({
      dryRun: false,
      changed: [difference],
      target,
      notes: [],
      differences: [],
      provisionedAt: instant,
      checkedAt: instant,
      urlsChanged: false,
    });
    const again = await api.call('post', number.path);
    expect(again.body).toMatchObject({ changed: [], differences: [] });
    expect(twilio.writes).toHaveLength(1);
    expect(number.resource).toMatchObject({ sms_url: INBOUND });
    expect(await acts(number.id)).toMatchObject([
      { operator: 'ann', target: { kind: 'number' }, details: { ...target, fields: ['sms_url'] } },
    ]);
  });

  it('plans the Messaging Service that decides for it', async () => {
    twilio.services = [{ sid: SERVICE, use_inbound_webhook_on_number: false }];
    const number = await made({ messagingServiceSid: SERVICE });
    twilio.members = { [SERVICE]: [String(number.resource['sid'])] };
    const { body } = await api.call('post', number.path);
    expect(body).toMatchObject({ target: { kind: 'service', sid: SERVICE }, differences: [] });
    expect((body as { notes: string[] }).notes).toEqual([expect.stringContaining('decides')]);
    expect(number.resource).toMatchObject({ sms_url: 'https://old' });
    expect(twilio.services[0]).toMatchObject({ inbound_request_url: INBOUND });
  });

  it("goes to a sub-account with that account's token, and to no account that is not listed", async () => {
    const number = await made({ accountSid: SUB });
    await api.call('post', number.path);
    expect(twilio.writes).toMatchObject([
      {
        path: `/2010-04-01/Accounts/${SUB}/IncomingPhoneNumbers/${String(number.resource['sid'])}.json`,
        authorization: `Basic ${Buffer.from(`${SUB}:sub-token`).toString('base64')}`,
      },
    ]);
    const other = { address: '+15559999', chatGatewayChannelId: 'c', accountSid: 'AC3' };
    expect((await api.call('post', 'numbers').send(other)).status).toBe(400);
  });

  it('leaves a line in the log also where Twilio refuses, and watches nothing then', async () => {
    const number = await made();
    twilio.writeRefusal = { status: 403, code: 20003 };
    const answer = await api.call('post', number.path);
    expect(answer.status).toBe(502);
    expect(await acts(number.id)).toHaveLength(1);
    expect((await api.call('get', number.path)).body).not.toHaveProperty('provisionedAt');
  });

  it.each([
    [401, 502, 'Twilio refuses the credentials of this account (20003).'],
    [403, 502, expect.stringContaining('may not read or change its webhooks')],
    [503, 502, expect.stringContaining('cannot answer now')],
  ])('answers a problem where Twilio answers %i', async (refused, status, detail) => {
    const number = await made();
    twilio.refusal = { status: refused, code: 20003 };
    for (const method of ['get', 'post'] as const) {
      const answer = await api.call(method, number.path);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.body).toMatchObject({ status, detail: detail as string });
      expect(answer.text).not.toContain(number.address.slice(1));
    }
  });

  it('answers a problem for what is not there, here or at Twilio', async () => {
    const number = await made();
    twilio.numbers = [];
    expect((await api.call('get', number.path)).body).toMatchObject({
      status: 409,
      detail: 'Twilio has no such number in this account.',
    });
    const nothing = `numbers/${crypto.randomUUID()}/provisioning`;
    expect((await api.call('get', nothing)).status).toBe(404);
    expect((await api.call('post', nothing)).status).toBe(404);
    expect((await api.call('post', number.path).send({ dryRun: 'yes' })).status).toBe(400);
    await api.db.pool.query(`update business_numbers set state = 'unconfigured' where id = $1`, [number.id]);
    expect((await api.call('post', number.path)).status).toBe(409);
  });

  it('says when our own addresses have changed since', async () => {
    const number = await made();
    await api.call('post', number.path);
    await api.db.pool.query(`update provisioned_webhooks set urls_digest = '\\x00'`);
    expect((await api.call('get', number.path)).body).toMatchObject({ urlsChanged: true });
  });

  it('needs the key', async () => {
    const { path } = await made();
    expect((await api.plain.get(`/api/v1/${path}`)).status).toBe(401);
    expect((await api.plain.post(`/api/v1/${path}`)).status).toBe(401);
  });
});

describe('looking for drift', () => {
  let log = '';
  const workers: ProvisioningCheck[] = [];

  /** A worker's check, without a gate; each has its own figures. */
  function worker(of = provisioning()) {
    const metrics = new Metrics({ processMetrics: false });
    const logger = createLogger('worker', readConfiguration('launcher', {}), {
      write: (line: string) => (log += line),
    });
    const check = new ProvisioningCheck({
      upkeep: new Upkeep(api.db.pool),
      webhooks: new ProvisionedWebhooks(api.db.pool),
      provisioning: of,
      calls: ({ tenantId }, call) => call({ tenantId, timeoutMs: 5_000 }),
      observer: new ReconcileObserver(metrics, logger),
      metrics,
      logger,
      intervalMs: INTERVAL_MS,
    });
    workers.push(check);
    return {
      look: async () => {
        await api.db.pool.query('truncate duties');
        await check.round().run();
      },
      round: () => check.round().run(),
      drifted: async () => (await metrics.webhookDrift.get()).values[0]?.value,
      runs: async () => (await metrics.reconcilerRuns.get()).values.map(({ labels }) => labels.result),
    };
  }

  beforeEach(() => {
    log = '';
  });

  async function drift(number: Made): Promise<unknown> {
    return ((await api.call('get', number.path)).body as { drift?: unknown }).drift;
  }

  it('tells of what was changed elsewhere, by log, figure and API, and repairs nothing', async () => {
    const [number, quiet] = [await made(), await made()];
    for (const { path } of [number, quiet]) await api.call('post', path);
    const { look, drifted } = worker();
    await look();
    expect(await drifted()).toBe(0);
    expect(await drift(number)).toBeUndefined();

    number.resource['sms_url'] = 'https://somebody.example/sms';
    twilio.writes = [];
    await look();
    expect(await drift(number)).toEqual({
      differences: [{ field: 'sms_url', is: 'https://somebody.example/sms', shouldBe: INBOUND }],
    });
    expect(await drift(quiet)).toBeUndefined();
    expect(await drifted()).toBe(1);
    expect(log).toContain(number.id);
    expect(log).toContain('sms_url');
    for (const secret of [number.address.slice(1), 'somebody.example']) expect(log).not.toContain(secret);
    expect(twilio.writes).toEqual([]);

    await api.call('post', number.path);
    expect(await drift(number)).toBeUndefined();
    await look();
    expect(await drifted()).toBe(0);
  });

  it('looks only at what was provisioned from here, and forgets what is deleted', async () => {
    const [number, other] = [await made(), await made()];
    await api.call('post', number.path);
    twilio.requests = [];
    const { look } = worker();
    await look();
    expect(twilio.requests.join()).toContain(number.address.slice(1));
    expect(twilio.requests.join()).not.toContain(other.address.slice(1));
    expect((await api.call('delete', `numbers/${number.id}`)).status).toBe(204);
    twilio.requests = [];
    await look();
    expect(twilio.requests).toEqual([]);
  });

  it('is done by one worker at a time, and every worker shows what was found', async () => {
    const number = await made();
    await api.call('post', number.path);
    number.resource['sms_url'] = null;
    const [one, other] = [worker(), worker()];
    await one.look();
    twilio.requests = [];
    await other.round();
    expect(twilio.requests).toEqual([]);
    expect(await other.drifted()).toBe(1);
  });

  it('knows a number that is gone, and a Twilio that does not answer says nothing', async () => {
    const number = await made();
    await api.call('post', number.path);
    const { look, runs, drifted } = worker();
    twilio.refusal = { status: 503 };
    await look();
    twilio.refusal = { status: 403, code: 20003 };
    await look();
    expect(await runs()).toEqual(['failed']);
    expect(await drifted()).toBe(0);
    twilio.refusal = undefined;
    const { numbers } = twilio;
    twilio.numbers = [];
    await look();
    twilio.numbers = numbers;
    expect(await drift(number)).toEqual({ differences: [], problem: 'unknown-address' });
    expect(await drifted()).toBe(1);
  });

  it('tells of other addresses of ours, too, and does not overwrite what an operator does meanwhile', async () => {
    const number = await made();
    await api.call('post', number.path);
    const moved = provisioning('https://moved.example.com');
    const planning = Promise.withResolvers<void>();
    const going = Promise.withResolvers<void>();
    const slow = Object.assign(Object.create(moved) as TwilioProvisioning, {
      plan: async (...of: Parameters<TwilioProvisioning['plan']>) => {
        planning.resolve();
        await going.promise;
        return moved.plan(...of);
      },
    });
    const looking = worker(slow).look();
    await planning.promise;
    await api.call('post', number.path);
    going.resolve();
    await looking;
    expect(await drift(number)).toBeUndefined();
    await worker(moved).look();
    expect(await drift(number)).toMatchObject({ differences: [{ field: 'sms_url', is: INBOUND }] });
  });
});
