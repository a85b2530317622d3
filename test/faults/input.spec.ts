import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newSigningKey } from '../../apps/sandbox/src/index.js';
import { countRows, leftBehind } from '../support/answers.js';
import { CANARIES } from '../support/canaries.js';
import { metric } from '../support/counters.js';
import { Forger, withChecksum, type Forgery } from '../support/forger.js';
import { IMPATIENT, startSystem, type System } from '../support/system.js';
import { Customer } from '../support/traffic.js';
import { title } from './catalogue.js';
import { quiet } from './world.js';

const MESSAGE = (text: string) =>
  JSON.stringify({
    eventType: 'MESSAGE',
    conversationId: 'nobody-knows',
    timestamp: 1_700_000_000_000,
    data: { sender: { id: 'a', type: 'agent' }, text },
  });

describe('input that is forged, malformed or strange', { timeout: 60_000 }, () => {
  let system: System;
  let forger: Forger;
  let before: Record<string, number>;
  beforeAll(async () => {
    system = await startSystem({ queues: 'postgres', env: IMPATIENT });
    forger = await Forger.start(system);
    // The key is known, and so are the tables of an ordinary event.
    expect(await forger.send(forger.event(MESSAGE('known')))).toBe(204);
  });
  afterAll(async () => system?.stop());
  beforeEach(async () => {
    await quiet(system);
    before = await countRows(system.pool);
  });

  const signature = 'x-twilio-signature';
  const changed = ({ headers, ...rest }: Forgery, header: string, value: string): Forgery => ({
    ...rest,
    headers: { ...headers, [header]: value },
  });

  it(title('input-1'), async () => {
    const text = forger.text();
    const event = forger.event(MESSAGE('forged'));
    const stranger = await newSigningKey();
    const detached = event.headers['x-8x8-signature'] ?? '';
    await expectRefused([
      [403, changed(text, signature, 'bm9ib2R5')],
      [403, changed(text, signature, '')],
      [403, forger.form(text.path, [...new URLSearchParams(text.body)], 'another-token')],
      [403, { ...text, body: text.body.replace(CANARIES.text, 'something-else') }],
      [403, { ...text, path: '/webhooks/twilio/status' }],
      [403, { ...text, path: `${text.path}?x=1` }],
      [401, { ...event, body: event.body.replace('forged', 'edited') }],
      [401, changed(event, 'x-8x8-signature', '')],
      [401, changed(event, 'x-8x8-signature', detached.replace('..', '.e30.'))],
      [401, changed(event, 'x-8x8-event-id', 'another')],
      [401, forger.event(MESSAGE('forged'), { key: { ...stranger, kid: forger.key.kid } })],
    ]);
  });

  it(`${title('input-2')}: in time they are duplicates, later they are refused, and elsewhere, too`, async () => {
    const text = forger.text();
    const event = forger.event(MESSAGE('once'));
    expect([await forger.send(text), await forger.send(event)]).toEqual([200, 204]);
    await quiet(system);
    before = await countRows(system.pool);
    expect(await Promise.all([text, text, event, event].map((one) => forger.send(one)))).toEqual([
      200, 200, 204, 204,
    ]);
    expect(leftBehind(before, await countRows(system.pool), [])).toEqual([]);
    await expectRefused([
      [403, { ...text, path: '/webhooks/twilio/status' }],
      [401, changed(event, 'x-8x8-transmission-time', String(Date.now() + 1))],
      [401, forger.event(MESSAGE('old'), { transmittedAt: Date.now() - 301_000 })],
    ]);
  });

  it(`${title('input-3')}: it is an alarm, and nothing else`, async () => {
    const event = forger.event(MESSAGE('the agent wrote this'));
    expect(await forger.send(event)).toBe(204);
    before = await countRows(system.pool);
    const forged = withChecksum(crc32(event.body), (letters) =>
      MESSAGE(`somebody else wrote this ${letters}`),
    );
    expect(crc32(forged)).toBe(crc32(event.body));
    expect(forged).not.toBe(event.body);
    // The signature holds: that the event id comes again is what gives it away.
    expect(await forger.send({ ...event, body: forged })).toBe(204);
    expect(leftBehind(before, await countRows(system.pool), [])).toEqual([]);
    const alarms = { name: 'event-id-with-another-body' };
    expect(await metric(system.gateways, 'causeway_alarms_total', alarms)).toBe(1);
  });

  it(`${title('input-4')}; ${title('input-5')}; ${title('input-6')}`, async () => {
    const many = Array.from({ length: 100_000 }, (_, n): [string, string] => [`p${n}`, '']);
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    await expectRefused([
      [413, forger.text({ Body: 'x'.repeat(10 * 1024 * 1024) })],
      [413, forger.event(MESSAGE('x'.repeat(10 * 1024 * 1024)))],
      [413, forger.text({}, many)],
      [400, forger.text({}, many.slice(0, 2_000))],
      [400, forger.event(MESSAGE('deep').replace('"deep"', deep))],
      [400, forger.event('{"eventType":')],
      [400, forger.event('[]')],
    ]);
  });

  it(`${title('input-10')}; ${title('input-12')}: not in what names somebody`, async () => {
    await expectRefused([
      [400, forger.text({ From: '+1555\r\n0100' })],
      [400, forger.text({ To: '+1555\u00000100' })],
      [400, forger.text({}, [['From', '+15550101']])],
      [400, forger.text({}, [['MessageSid', 'SM00000000000000000000000000000000']])],
      [403, forger.text({}, [['AccountSid', 'AC00000000000000000000000000000000']])],
    ]);
  });

  const STRANGE: [string, string, string?][] = [
    [title('input-7'), 'a\u0000b'],
    [title('input-8'), 'a\ud800b\udc00', 'a\ufffdb\ufffd'],
    [title('input-9'), '\u202etxt.exe\u200f'],
    [title('input-10'), 'a\r\nX-Injected: 1\r\n\r\nb'],
    [title('input-11'), '{"__proto__":{"polluted":true}}'],
  ];
  it.each(STRANGE)('%s: passes as it is, both ways', async (_title, strange, form = strange) => {
    const customer = new Customer(system);
    const text = `${customer.text('text')} ${strange}`;
    await system.twilio.receiveText({
      from: customer.address,
      to: '+15550100',
      body: text,
      params: { ProfileName: strange, ['__proto__']: strange, constructor: strange, '': strange },
    });
    // A form has no way to write half a surrogate.
    const arrives = `${customer.text('text')} ${form}`;
    const conversation = await customer.accept();
    await customer.atDesk(arrives);
    customer.answer(conversation, text);
    await customer.atPhone(arrives);
    await quiet(system);
    expect(customer.textsAtPhone()).toEqual([arrives]);
    expect(customer.textsAtDesk()).toEqual([arrives]);
  });

  /** Each is refused as it should be, and counted; nothing is left of it. */
  async function expectRefused(cases: [status: number, forgery: Forgery][]): Promise<void> {
    const refusedBefore = await metric(system.gateways, 'causeway_webhooks_refused_total');
    const statuses: number[] = [];
    for (const [, forgery] of cases) statuses.push(await forger.send(forgery));
    expect(statuses).toEqual(cases.map(([status]) => status));
    expect(leftBehind(before, await countRows(system.pool), statuses)).toEqual([]);
    const refused = await metric(system.gateways, 'causeway_webhooks_refused_total');
    expect(refused - refusedBefore).toBe(cases.length);
  }
});
