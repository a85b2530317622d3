import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newSigningKey } from '../../apps/sandbox/src/index.js';
import { countRows, leftBehind } from '../support/answers.js';
import { eventually } from '../support/accepting.js';
import { Forger } from '../support/forger.js';
import { readWorld, type World } from '../support/invariants.js';
import { IMPATIENT, startSystem, type System } from '../support/system.js';
import { Traffic } from '../support/traffic.js';
import { title } from './catalogue.js';
import { expectSound, quiet } from './world.js';

const SHAPE = { customers: 3, textsEach: 3, answersEach: 3 };

describe('webhooks in trouble', { timeout: 60_000 }, () => {
  let system: System;
  /** The newest traffic, for which nothing is left to do. */
  let traffic: Traffic;
  let before: World;
  beforeAll(async () => {
    system = await startSystem({ queues: 'postgres', gateways: 2, env: IMPATIENT });
  });
  afterAll(async () => system?.stop());
  afterEach(() => {
    system.desk.faults.disarmAll();
    Object.assign(system.twilio.settings, { webhookCopies: 1, autoProgress: true });
    Object.assign(system.desk.settings, { webhookCopies: 1 });
  });

  it(title('webhook-1'), async () => {
    before = await readWorld(system, []);
    system.twilio.settings.webhookCopies = 10;
    system.desk.settings.webhookCopies = 10;
    await expectTraffic();
    expect(system.twilio.webhooks.length).toBeGreaterThan(10 * SHAPE.customers * SHAPE.textsEach);
  });

  it(`${title('webhook-2')}: keys are for good`, async () => {
    const rows = await countRows(system.pool);
    const [texts, events] = [system.twilio.webhooks.length, system.desk.webhooks.length];
    for (const { index } of system.twilio.webhooks.slice()) system.twilio.repeatWebhook(index);
    for (const { index } of system.desk.webhooks.slice()) system.desk.repeatWebhook(index);
    await quiet(system);
    expect(leftBehind(rows, await countRows(system.pool), [])).toEqual([]);
    const again = [...system.twilio.webhooks.slice(texts), ...system.desk.webhooks.slice(events)];
    expect(again).toHaveLength(texts + events);
    expect(again.filter(({ status = 0 }) => status < 200 || status > 299)).toEqual([]);
    await expectSound(system, traffic, { before });
  });

  it(title('webhook-3'), async () => {
    before = await readWorld(system, []);
    system.twilio.settings.autoProgress = false;
    await expectTraffic();
    const phones = new Set(traffic.customers.map(({ address }) => address));
    const sids = system.twilio.messages
      .filter(({ direction, to }) => direction === 'outbound-api' && phones.has(to))
      .map(({ sid }) => sid);
    for (const status of ['delivered', 'sent', 'sending', 'queued'] as const) {
      await Promise.all(sids.map((sid) => system.twilio.setStatus(sid, status)));
    }
    const { rows } = await system.pool.query(
      `select receipt, count(*)::int as n from attempts where provider_id = any ($1) group by receipt`,
      [sids],
    );
    expect(rows).toEqual([{ receipt: 'delivered', n: sids.length }]);
  });

  // Each gateway looks a new key up for itself: what waits for that at one is overtaken by what comes to the other.
  it(`${title('webhook-4')}, beside the old one and without it`, async () => {
    before = await readWorld(system, []);
    for (const retireOld of [false, true]) {
      await system.desk.rotateKey(retireOld);
      await expectTraffic({ lateEvents: true });
    }
  });

  it(title('webhook-5'), async () => {
    before = await readWorld(system, []);
    await system.desk.rotateKey();
    system.desk.setFault({ operation: 'jwk.get', effect: 'slow', delayMs: 1_000, times: null });
    await expectTraffic({ lateEvents: true });
  });

  it(`${title('webhook-6')}: whoever comes is told to come again`, async () => {
    before = await readWorld(system, []);
    const events = system.desk.webhooks.length;
    await system.desk.rotateKey();
    system.desk.setFault({ operation: 'jwk.get', effect: 'answer', status: 503, times: 3 });
    await expectTraffic({ lateEvents: true });
    const statuses = new Set(system.desk.webhooks.slice(events).map(({ status }) => status));
    expect(statuses).toEqual(new Set([503, 204]));
  });

  it(`${title('webhook-7')}: it costs a look-up a second, and nobody else notices`, async () => {
    before = await readWorld(system, []);
    const forger = await Forger.start(system);
    const { hits } = system.desk.faults;
    system.desk.setFault({ operation: 'jwk.get', effect: 'slow', delayMs: 0, times: null });
    const events = system.desk.webhooks.length;
    const stranger = await newSigningKey();
    const startedAt = performance.now();
    const flood = Promise.all(
      Array.from({ length: 300 }, (_, n) =>
        forger.send(forger.event('{}', { key: { ...stranger, kid: `invented-${n}` } })),
      ),
    );
    await expectTraffic();
    const statuses = new Set(await flood);
    const seconds = (performance.now() - startedAt) / 1000;
    expect([...statuses].filter((status) => status !== 401 && status !== 503)).toEqual([]);
    expect(system.desk.faults.hits - hits).toBeLessThanOrEqual(system.gateways.length * (1 + seconds));
    expect(system.desk.webhooks.slice(events).filter(({ status }) => status !== 204)).toEqual([]);
  });

  /** Both ways, as if nothing were the matter: each once, in order. */
  async function expectTraffic(options: { lateEvents?: boolean } = {}): Promise<void> {
    traffic = new Traffic(system, SHAPE);
    await traffic.write();
    await expectSound(system, traffic, { before, ...options });
    await eventually('nothing left under way', () => system.desk.activity.settle(1_000));
  }
});
