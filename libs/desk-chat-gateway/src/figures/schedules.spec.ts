import { beforeEach, describe, expect, it } from 'vitest';
import { ProviderHttpError } from '#platform';
import type { ProviderHttpRequest, ProviderHttpResponse } from '#platform';
import { Schedules } from './schedules.js';

const ACCOUNT = { baseUrl: 'https://vcc-na1.example/', tenant: 'acme', dataToken: 'secret' };

let now = 0;
let asked: ProviderHttpRequest[] = [];
let read: string[] = [];
let answer: (request: ProviderHttpRequest) => Promise<ProviderHttpResponse> | ProviderHttpResponse;

const says = (body: unknown, status = 200): ProviderHttpResponse => ({
  status,
  headers: {},
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});
const status = (value: unknown) => says({ 'schedule-status': { status: value } });

function schedules(): Schedules {
  return new Schedules({
    http: {
      request: async (request) => {
        asked.push(request);
        return answer(request);
      },
    },
    accountsOf: (tenantId) => (tenantId === 'default' ? { schedules: ACCOUNT } : {}),
    observer: { read: ({ result, code }) => void read.push(code ?? result) },
    cacheMs: 30_000,
    now: () => now,
  });
}

beforeEach(() => {
  now = 1_000;
  asked = [];
  read = [];
  answer = () => status(0);
});

const main = { tenantId: 'default', schedule: 'Main' };

describe(Schedules.name, () => {
  it('asks for the status with the tenant and its data request token', async () => {
    await schedules().isOpen({ tenantId: 'default', schedule: 'Öffnung 1/2' });
    const [request] = asked;
    expect(request?.url).toBe(
      'https://vcc-na1.example/api/provisioning/schedules/%C3%96ffnung%201%2F2/status.json',
    );
    expect(request?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('acme:secret').toString('base64')}`,
    });
    expect(request?.timeoutMs).toBe(2_000);
  });

  it.each([
    [0, { open: true, status: 0 }],
    ['0', { open: true, status: 0 }],
    [-1, { open: false, status: -1 }],
    ['-1', { open: false, status: -1 }],
    [3, { open: false, status: 3 }],
    ['6', { open: true, status: 6 }],
  ])('reads %j', async (value, reading) => {
    answer = () => status(value);
    expect(await schedules().isOpen({ ...main, openStatuses: [6] })).toEqual({ ...reading, ageMs: 0 });
  });

  it.each([
    ['nothing', () => says('')],
    ['a page', () => says('<html>')],
    ['another status', () => status(7)],
    ['half a status', () => status(0.5)],
    ['no status', () => says({ 'schedule-status': {} })],
    ['a list', () => says([{ status: -1 }])],
    ['brackets without end', () => says('['.repeat(60_000))],
    ['401', () => says({}, 401)],
    ['404', () => says({}, 404)],
    ['a redirect', () => says({ 'schedule-status': { status: -1 } }, 302)],
    ['500', () => says({ 'schedule-status': { status: -1 } }, 500)],
    ['silence', () => Promise.reject(new ProviderHttpError('after-write', 'deadline'))],
    ['no connection', () => Promise.reject(new ProviderHttpError('before-write', 'connect-refused'))],
    ['too much', () => Promise.reject(new ProviderHttpError('after-write', 'response-too-large'))],
    ['our own mistake', () => Promise.reject(new TypeError('header'))],
  ])('is open where it gets %s, and says that it was not read', async (_, unreadable) => {
    answer = unreadable;
    const reading = await schedules().isOpen(main);
    expect(reading).toEqual({ open: true, ageMs: 0 });
    expect(read).toHaveLength(1);
    expect(read[0]).not.toBe('ok');
  });

  it.each([
    ['a tenant without schedules', { tenantId: 'other', schedule: 'Main' }, 'not-configured'],
    ['a name that can stand in no path', { tenantId: 'default', schedule: '..' }, 'invalid-request'],
  ])('is open for %s, without a call', async (_, request, code) => {
    expect(await schedules().isOpen(request)).toMatchObject({ open: true });
    expect(read).toEqual([code]);
    expect(asked).toEqual([]);
  });

  it('remembers for a while what it read, and for a shorter one what it could not', async () => {
    const own = schedules();
    answer = () => status(-1);
    await own.isOpen(main);
    now += 29_999;
    answer = () => status(0);
    expect(await own.isOpen(main)).toEqual({ open: false, status: -1, ageMs: 29_999 });
    now += 1;
    answer = () => says('', 503);
    expect(await own.isOpen(main)).toEqual({ open: true, ageMs: 0 });
    now += 9_999;
    answer = () => status(-1);
    expect(await own.isOpen(main)).toMatchObject({ open: true });
    now += 1;
    expect(await own.isOpen(main)).toMatchObject({ open: false });
    expect(asked).toHaveLength(3);
  });

  it('asks once however many wait, and for each schedule of its own', async () => {
    const own = schedules();
    await Promise.all([own.isOpen(main), own.isOpen(main), own.isOpen({ ...main, schedule: 'Sales' })]);
    expect(asked.map(({ url }) => String(url).split('/').at(-2))).toEqual(['Main', 'Sales']);
  });
});
