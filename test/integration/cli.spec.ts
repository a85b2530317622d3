import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TwilioProvisioning } from '#channel-twilio';
import { ProviderHttp } from '#platform';
import { run } from '../../apps/cli/src/run.js';
import { TwilioResources } from '../support/twilio-resources.js';
import { ACCOUNT, API_KEY, startOperatorApi, type OperatorApi } from './operator-api-app.js';

const PUBLIC = 'https://text.example.com';
const INBOUND = `${PUBLIC}/webhooks/twilio/messages#rc=2&rt=4000&tt=15000&rp=all`;

const http = new ProviderHttp();
const twilio = new TwilioResources();
let api: OperatorApi;
let url: string;
let root: string;

beforeAll(async () => {
  await twilio.start();
  api = await startOperatorApi(undefined, {
    provisioning: new TwilioProvisioning(http, {
      accountSid: ACCOUNT,
      username: ACCOUNT,
      password: 'token',
      apiBaseUrl: twilio.url,
      publicBaseUrl: PUBLIC,
    }),
  });
  url = `http://127.0.0.1:${(api.app.getHttpServer().address() as AddressInfo).port}`;
  root = await mkdtemp(join(tmpdir(), 'causeway-cli-'));
});
afterAll(async () => {
  await api.stop();
  http.destroy();
  await twilio.stop();
  await rm(root, { recursive: true, force: true });
});
beforeEach(async () => {
  Object.assign(twilio, { numbers: [], senders: [], writes: [], refusal: undefined });
  await api.db.pool.query('truncate business_numbers cascade');
  await api.db.pool.query('truncate provisioned_webhooks, audit');
});

/** What a person sees. */
async function causeway(line: string, environment: Record<string, string> = {}, colours = false) {
  const out: string[] = [];
  const errors: string[] = [];
  const code = await run(line.split(' '), {
    environment: { CAUSEWAY_URL: url, ADMIN_API_KEY: API_KEY, ...environment },
    root,
    out: (text) => out.push(text),
    error: (text) => errors.push(text),
    colours,
  });
  return { code, out: out.join('\n'), error: errors.join('\n') };
}

async function number(address: string, smsUrl: string | undefined): Promise<Record<string, unknown>> {
  await api.call('post', 'numbers').send({ address, chatGatewayChannelId: 'channel-1' });
  const resource = {
    sid: `PN${address.slice(-1)}`,
    phone_number: address,
    sms_url: smsUrl,
    sms_method: 'POST',
  };
  if (smsUrl !== undefined) twilio.numbers.push(resource);
  return resource;
}

describe('causeway provision twilio', () => {
  it('shows a diff and says so by its exit code, changes it when told to, and has nothing to do then', async () => {
    await number('+15550102', INBOUND);
    await number('+15550101', 'https://old.example');
    const shown = await causeway('provision twilio');
    expect(shown).toEqual({
      code: 2,
      error: '',
      out: [
        '+15550101  number PN1  1 difference',
        '  sms_url  is         https://old.example',
        `           should be  ${INBOUND}`,
        '+15550102  number PN2  as it should be',
        '',
        '1 number to change. Nothing was changed: --apply does it.',
      ].join('\n'),
    });
    expect(twilio.writes).toEqual([]);
    expect(await causeway('provision twilio --all --apply --operator ann')).toMatchObject({
      code: 0,
      out: [
        '+15550101  number PN1  1 field changed',
        '  sms_url',
        '+15550102  number PN2  as it should be',
      ].join('\n'),
    });
    expect(await causeway('provision twilio --all')).toMatchObject({
      code: 0,
      out: expect.not.stringContaining('difference') as string,
    });
    const { body } = await api.call('get', 'audit?action=number.provision');
    expect(body).toMatchObject({ items: [{ operator: 'ann' }, { operator: 'ann' }] });
  });

  it('takes one number alone, and answers programs in JSON', async () => {
    await number('+15550101', 'https://old.example');
    await number('+15550102', 'https://old.example');
    const { code, out } = await causeway('provision twilio --number +15550102 --json');
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject([
      {
        address: '+15550102',
        target: { kind: 'number', sid: 'PN2' },
        differences: [{ field: 'sms_url', is: 'https://old.example', shouldBe: INBOUND }],
        changed: [],
      },
    ]);
  });

  it('goes on after a number that fails, and fails in the end', async () => {
    await number('+15550101', undefined);
    await number('+15550102', 'https://old.example');
    const { code, out } = await causeway('provision twilio --all --apply');
    expect(code).toBe(1);
    expect(out).toContain('+15550101  Twilio has no such number in this account.');
    expect(out).toContain('+15550102  number PN2  1 field changed');
  });

  it('leaves out what is not configured here', async () => {
    await number('+15550101', INBOUND);
    await api.db.pool.query(`update business_numbers set state = 'unconfigured'`);
    expect(await causeway('provision twilio')).toMatchObject({
      code: 0,
      out: '+15550101  skipped: not configured here',
    });
  });

  it('uses colours only where they are wanted', async () => {
    await number('+15550101', 'https://old.example');
    expect((await causeway('provision twilio')).out).not.toContain('\u001b[');
    expect((await causeway('provision twilio', {}, true)).out).toContain('\u001b[31mhttps://old.example');
  });

  it.each([
    ['provision twilio --apply', 'Say which numbers to change: --number +15550100, or --all.'],
    ['provision twilio --all --number +1555', 'Say either --number or --all, not both.'],
    [
      'provision twilio --number +1555',
      '+1555 is not a number of this Causeway: POST it to /api/v1/numbers first.',
    ],
    [
      'provision twilio --everything',
      "error: unknown option '--everything'\nSee npm run causeway -- --help.",
    ],
    ['frobnicate', "error: unknown command 'frobnicate'\nSee npm run causeway -- --help."],
  ])('refuses %s', async (line, error) => {
    expect(await causeway(line)).toEqual({ code: 1, out: '', error });
    expect(twilio.writes).toEqual([]);
  });

  it("passes on the API's words for what is wrong", async () => {
    await number('+15550101', 'https://old.example');
    const { code, out } = await causeway('provision twilio --all --apply --operator a/b');
    expect(code).toBe(1);
    expect(out).toContain('X-Causeway-Operator must be 1 to 64 letters');
  });
});

describe('causeway drift', () => {
  it('shows what was changed since it was provisioned, and nothing that never was', async () => {
    const resource = await number('+15550101', 'https://old.example');
    await number('+15550102', 'https://old.example');
    expect((await causeway('drift')).out).toContain(
      'No number has been provisioned from here: npm run causeway -- provision twilio --all --apply.',
    );
    await causeway('provision twilio --number +15550101 --apply');
    expect(await causeway('drift')).toMatchObject({ code: 0, out: '1 number, all as they were left.' });
    resource['sms_url'] = 'https://somebody.example';
    expect(await causeway('drift')).toEqual({
      code: 2,
      error: '',
      out: [
        '+15550101  1 difference',
        '  sms_url  is         https://somebody.example',
        `           should be  ${INBOUND}`,
        'Differing: 1 of 1 provisioned number. Nothing was changed.',
      ].join('\n'),
    });
    expect(JSON.parse((await causeway('drift --json')).out)).toMatchObject([{ address: '+15550101' }]);
  });
});

describe('causeway', () => {
  it('finds the key that npm start keeps', async () => {
    await mkdir(join(root, '.causeway'), { recursive: true });
    await writeFile(join(root, '.causeway', 'admin-api-key'), `${API_KEY}\n`);
    expect(await causeway('drift', { ADMIN_API_KEY: '' })).toMatchObject({ code: 0 });
  });

  it('finds the gateway by PUBLIC_BASE_URL, too', async () => {
    expect(await causeway('drift', { CAUSEWAY_URL: '', PUBLIC_BASE_URL: `${url}/` })).toMatchObject({
      code: 0,
    });
  });

  it('finds the gateway by PORT, last of all', async () => {
    const { port } = new URL(url);
    expect(await causeway('drift', { CAUSEWAY_URL: '', PORT: port })).toMatchObject({ code: 0 });
    const elsewhere = { CAUSEWAY_URL: '', PUBLIC_BASE_URL: 'http://127.0.0.1:9', PORT: port };
    expect((await causeway('drift', elsewhere)).error).toMatch(
      /^No Causeway answers at http:\/\/127\.0\.0\.1:9: .*CAUSEWAY_URL/,
    );
  });

  it.each([
    [
      'no key',
      { ADMIN_API_KEY: '', CAUSEWAY_HOME: 'nowhere' },
      /^There is no key in .*: set ADMIN_API_KEY, or CAUSEWAY_HOME/,
    ],
    ['another key', { ADMIN_API_KEY: 'another-key-0123456' }, /refuses this key: set ADMIN_API_KEY/],
    ['no gateway', { CAUSEWAY_URL: 'http://127.0.0.1:9' }, /^No Causeway answers at http:\/\/127\.0\.0\.1:9/],
    ['no URL', { CAUSEWAY_URL: 'localhost:3000' }, /^CAUSEWAY_URL must be/],
  ])('says in one line that there is %s', async (_name, environment, words) => {
    const { code, error } = await causeway('drift', environment);
    expect(code).toBe(1);
    expect(error).toMatch(words);
    expect(error).not.toContain('\n');
    expect(error).not.toContain('another-key');
  });

  it('says so where something else answers', async () => {
    const other = createServer((_request, response) => response.writeHead(404).end('<html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const at = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { error } = await causeway('drift', { CAUSEWAY_URL: at });
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    expect(error).toBe(`${at} answers HTTP 404: is it a Causeway?`);
  });

  it('explains itself', async () => {
    const { code, out } = await causeway('--help');
    expect(code).toBe(0);
    expect(out).toContain('provision');
    expect(out).toContain('Exit codes');
    expect(out).toContain('http://localhost:$PORT');
    expect(out).toContain('CAUSEWAY_HOME');
  });
});
