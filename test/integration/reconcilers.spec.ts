import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { acceptDeskEvents } from '../../libs/persistence/src/accept/desk-events.js';
import {
  agentMessage,
  eventually,
  messagesOf,
  newAddress,
  sleep,
  startTestDatabase,
  textsOf,
  waitsForLock,
  type TestDatabase,
} from '../support/accepting.js';
import { ACCOUNT, startWorld, type World } from '../support/reconciling.js';

const NUMBER = '+15550100';
const HOUR_MS = 3_600_000;
let db: TestDatabase;
let world: World;

beforeAll(async () => {
  db = await startTestDatabase();
  world = await startWorld(db);
  await world.makeNumber(NUMBER);
});
afterEach(() => {
  world.lose = () => false;
  world.twilio.faults.disarmAll();
  world.desk.faults.disarmAll();
});
afterAll(async () => {
  const violations = world.violations();
  await world.stop();
  await db.stop();
  expect(violations).toEqual([]);
});

/** A text whose webhook is lost, or is not. */
async function text(
  from: string,
  body: string,
  options: { lost?: boolean; to?: string; params?: Record<string, string> } = {},
) {
  const { lost = false, to = NUMBER, params = {} } = options;
  world.lose = () => lost;
  const { sid } = await world.twilio.receiveText({ from, to, body, params });
  world.lose = () => false;
  return sid;
}

/** Posts the webhook of a text again. */
async function webhookComes(sid: string): Promise<void> {
  const call = world.twilio.webhooks.find(({ messageSid }) => messageSid === sid);
  world.twilio.repeatWebhook(call?.index ?? 0);
  await eventually('the webhook is answered', () =>
    world.twilio.webhooks.some((one) => one.messageSid === sid && one.status === 200),
  );
}

async function rawOf(sid: string): Promise<Record<string, string>> {
  const { rows } = await db.pool.query<{ raw: Record<string, string> }>(
    'select raw from messages where provider_message_id = $1',
    [sid],
  );
  expect(rows).toHaveLength(1);
  return rows[0]?.raw ?? {};
}

describe('customers’ messages', () => {
  it('whose webhook was lost arrive once, in order', async () => {
    const customer = newAddress();
    await text(customer, 'one');
    for (const body of ['two', 'three', 'four']) await text(customer, body, { lost: true });
    const { pass, found } = world.reconcilers();
    await pass('received');
    expect(await textsOf(db.pool, customer)).toEqual(['one', 'two', 'three', 'four']);
    expect(found).toEqual(['inbound-message', 'inbound-message', 'inbound-message']);
    await pass('received');
    expect(found).toHaveLength(3);
    await world.settle();
    const atDesk = world.desk.log.flatMap((entry) => (entry.kind === 'message' ? [entry.text] : []));
    expect(atDesk.filter((body) => ['one', 'two', 'three', 'four'].includes(body))).toEqual([
      'one',
      'two',
      'three',
      'four',
    ]);
  });

  it('are not doubled by a webhook that comes late, which adds what only it knows, once', async () => {
    const customer = newAddress();
    const params = { Latitude: '1.5', Longitude: '2.5', Label: 'here' };
    const sid = await text(customer, '', { lost: true, params });
    await world.reconcilers().pass('received');
    expect(await rawOf(sid)).not.toHaveProperty('MessageSid');
    await webhookComes(sid);
    const raw = await rawOf(sid);
    expect(raw).toMatchObject({ sid, MessageSid: sid, Label: 'here', direction: 'inbound' });
    const [message, ...more] = await messagesOf(db.pool, customer);
    expect(more).toEqual([]);
    expect(message?.text).toBe('(location)');
    world.twilio.repeatWebhook(world.twilio.webhooks.find((call) => call.messageSid === sid)?.index ?? 0);
    await world.twilio.activity.settle(5_000);
    expect(await rawOf(sid)).toEqual(raw);
    const stored = await db.pool.query<{ raw: string }>(
      'select raw::text as raw from messages where provider_message_id = $1',
      [sid],
    );
    expect(stored.rows[0]?.raw.match(/"MessageSid"/g)).toHaveLength(1);
  });

  it('keep the content that was rendered when their webhook comes later still', async () => {
    const customer = newAddress();
    const sid = await text(customer, '', { lost: true, params: { Latitude: '1.5', Longitude: '2.5' } });
    await world.reconcilers().pass('received');
    await world.settle();
    await webhookComes(sid);
    expect((await messagesOf(db.pool, customer)).map((message) => message.text)).toEqual(['']);
    expect(await rawOf(sid)).toMatchObject({ Latitude: '1.5' });
  });

  it('keep what no text column takes: NUL and halves of surrogate pairs', async () => {
    const customer = newAddress();
    const sid = await text(customer, 'a\u0000b', { lost: true });
    await world.reconcilers().pass('received');
    await webhookComes(sid);
    expect(await textsOf(db.pool, customer)).toEqual(['a\u0000b']);
  });

  it('are left to whoever has the account now', async () => {
    const customer = newAddress();
    await text(customer, 'for another tenant', { lost: true });
    const { pass, found } = world.reconcilers({}, undefined, (tenantId) => tenantId !== 'default');
    await pass('received');
    expect(found).toEqual([]);
    expect(await textsOf(db.pool, customer)).toEqual([]);
    // Not even looked for: the span is done with.
    const { rows } = await db.pool.query(`select failures from reconcile_marks where name like 'received:%'`);
    expect(rows.every(({ failures }: { failures: number }) => failures === 0)).toBe(true);
  });

  it('are marked as found', async () => {
    const customer = newAddress();
    await text(customer, 'by webhook');
    await text(customer, 'by list', { lost: true });
    await world.reconcilers().pass('received');
    const { rows } = await db.pool.query<{ origin: string }>(
      `select k.origin from messages m join dedupe_keys k on k.message_id = m.id
       where m.id = any ($1) order by m.seq`,
      [(await messagesOf(db.pool, customer)).map(({ id }) => id)],
    );
    expect(rows.map(({ origin }) => origin)).toEqual(['webhook', 'reconciler']);
  });

  it('name their attachments', async () => {
    const customer = newAddress();
    const path = `/2010-04-01/Accounts/${ACCOUNT}/Messages/MM${'1'.repeat(32)}/Media/ME${'2'.repeat(32)}`;
    const sid = await text(customer, 'see', {
      lost: true,
      params: { NumMedia: '1', MediaUrl0: `https://api.twilio.com${path}`, MediaContentType0: 'image/png' },
    });
    await world.reconcilers().pass('received');
    const { rows } = await db.pool.query<{ content: unknown }>(
      'select content from messages where provider_message_id = $1',
      [sid],
    );
    expect(rows[0]?.content).toEqual({
      type: 'attachments',
      text: 'see',
      attachments: [{ url: `${world.twilio.url}${path}`, contentType: 'image/png' }],
    });
  });

  it('wait in order behind one whose attachments cannot be read, but not for ever', async () => {
    const customer = newAddress();
    const to = '+15550103';
    await world.makeNumber(to);
    await text(customer, 'one', { lost: true, to, params: { NumMedia: '1' } });
    await text(customer, 'two', { lost: true, to });
    world.twilio.setFault({ operation: 'media.list', effect: 'answer', status: 500, times: null });
    const { pass } = world.reconcilers();
    for (let n = 0; n < 5; n += 1) {
      await pass('received');
      expect(await textsOf(db.pool, customer)).toEqual([]);
    }
    await pass('received');
    expect(await textsOf(db.pool, customer)).toEqual(['one', 'two']);
  });

  it('are not taken for numbers that are not configured, and make none', async () => {
    const [to, unknown] = ['+15550104', '+15550114'];
    const customer = newAddress();
    // A webhook makes a number, which waits for somebody to configure it.
    await text(customer, 'by webhook', { to });
    await text(customer, 'lost', { lost: true, to });
    await text(customer, 'lost', { lost: true, to: unknown });
    const { pass, found } = world.reconcilers();
    await pass('received');
    expect(found).toEqual([]);
    expect(await textsOf(db.pool, customer)).toEqual(['by webhook']);
    const { rows } = await db.pool.query<{ address: string; state: string }>(
      'select address, state from business_numbers where address = any ($1)',
      [[to, unknown]],
    );
    expect(rows).toEqual([{ address: to, state: 'unconfigured' }]);
    await db.pool.query('delete from lane_items');
  });

  it('are taken from when their number was configured, for a day, once they are old enough', async () => {
    const to = '+15550105';
    const customer = newAddress();
    const now = Date.now();
    const at = async (body: string, agoMs: number) => {
      const sid = await text(customer, body, { lost: true, to });
      const message = world.twilio.messages.find((one) => one.sid === sid);
      if (message) message.sentAtMs = now - agoMs;
    };
    await at('a day and more ago', 25 * HOUR_MS);
    await at('before', 3 * HOUR_MS);
    await at('after', HOUR_MS);
    await at('just now', 20_000);
    await world.makeNumber(to, new Date(now - 2 * HOUR_MS));
    await world.reconcilers({ inboundAfterMs: 60_000 }).pass('received');
    expect(await textsOf(db.pool, customer)).toEqual(['after']);
    await db.pool.query('update business_numbers set configured_at = $2 where address = $1', [
      to,
      new Date(now - 48 * HOUR_MS),
    ]);
    await db.pool.query('delete from reconcile_marks');
    await world.reconcilers().pass('received');
    expect(await textsOf(db.pool, customer)).toEqual(['after', 'before', 'just now']);
  });

  it('are taken from the very second in which their number was configured', async () => {
    const to = '+15550115';
    const customer = newAddress();
    const second = Math.floor(Date.now() / 1000) * 1000 - HOUR_MS;
    const sid = await text(customer, 'at once', { lost: true, to });
    const message = world.twilio.messages.find((one) => one.sid === sid);
    if (message) message.sentAtMs = second + 900;
    await world.makeNumber(to, new Date(second + 100));
    await world.reconcilers().pass('received');
    expect(await textsOf(db.pool, customer)).toEqual(['at once']);
  });

  it('are STOP and START in the order in which they were said', async () => {
    const to = '+15550116';
    await world.makeNumber(to);
    const [stayed, left] = [newAddress(), newAddress()];
    const says = async (from: string, word: string, lost: boolean, agoMs: number) => {
      const sid = await text(from, word, { lost, to });
      const message = world.twilio.messages.find((one) => one.sid === sid);
      if (message) message.sentAtMs = Date.now() - agoMs;
    };
    await says(stayed, 'STOP', true, 60_000);
    await says(stayed, 'START', false, 0);
    await says(left, 'START', true, 50_000);
    await says(left, 'STOP', true, 40_000);
    const { pass } = world.reconcilers();
    await pass('received');
    await pass('received');
    const { rows } = await db.pool.query<{ value: string; opted_out: boolean }>(
      `select a.value, o.opted_out from opt_outs o join customer_aliases a on a.customer_id = o.customer_id
       where o.sender = $1 order by a.value`,
      [to],
    );
    expect(rows).toEqual(
      [
        { value: stayed, opted_out: false },
        { value: left, opted_out: true },
      ].sort((a, b) => a.value.localeCompare(b.value)),
    );
  });

  it('are looked for from where the last pass ended, a little before', async () => {
    const to = '+15550106';
    await world.makeNumber(to);
    const { pass } = world.reconcilers();
    await pass('received');
    const { rows } = await db.pool.query<{ behind: number }>(
      `select extract(epoch from now() - r.reached)::float8 as behind from reconcile_marks r
       join business_numbers n on r.name = 'received:' || n.id where n.address = $1`,
      [to],
    );
    expect(rows[0]?.behind).toBeLessThan(30);
  });

  it('come in order out of a list that is too long for one look', { timeout: 120_000 }, async () => {
    const to = '+15550107';
    const customer = newAddress();
    const now = Date.now();
    world.lose = () => true;
    const bodies = Array.from({ length: 1_200 }, (_, n) => `text ${n}`);
    for (const [n, body] of bodies.entries()) {
      const { sid } = await world.twilio.receiveText({ from: customer, to, body });
      const message = world.twilio.messages.find((one) => one.sid === sid);
      if (message) message.sentAtMs = now - HOUR_MS + n * 1_000;
    }
    await world.makeNumber(to, new Date(now - 2 * HOUR_MS));
    const { pass, alarms } = world.reconcilers();
    await pass('received');
    expect(await textsOf(db.pool, customer)).toEqual(bodies);
    expect(alarms).toEqual([]);
    // Nobody needs them delivered.
    await db.pool.query('delete from lane_items');
  });

  it('are taken once by two workers at once', async () => {
    const customers = [newAddress(), newAddress(), newAddress()];
    for (const customer of customers) {
      for (const body of ['one', 'two']) await text(customer, body, { lost: true });
    }
    const workers = [world.reconcilers(), world.reconcilers(), world.reconcilers()];
    await Promise.all(workers.map(({ pass }) => pass('received')));
    for (const customer of customers) expect(await textsOf(db.pool, customer)).toEqual(['one', 'two']);
    expect(workers.flatMap(({ found }) => found)).toHaveLength(6);
  });

  it('wait for the next pass while the provider fails, which is counted', async () => {
    const customer = newAddress();
    await text(customer, 'later', { lost: true });
    const { pass, metrics } = world.reconcilers();
    world.twilio.setFault({ operation: 'messages.list', effect: 'answer', status: 503, times: null });
    await pass('received');
    expect(await textsOf(db.pool, customer)).toEqual([]);
    world.twilio.faults.disarmAll();
    await pass('received');
    expect(await textsOf(db.pool, customer)).toEqual(['later']);
    const text_ = await metrics.render();
    expect(text_).toContain('causeway_reconciler_runs_total{reconciler="received",result="failed"} 1');
    expect(text_).toContain('causeway_reconciler_runs_total{reconciler="received",result="ok"} 1');
    expect(text_).toContain('causeway_reconciled_total{kind="inbound-message"} 1');
    expect(text_).toMatch(/last_success_timestamp_seconds\{reconciler="received"\} \d/);
  });
});

/** A customer in a conversation with an agent, everything heard of. */
async function conversation() {
  const customer = newAddress();
  await text(customer, `hello of ${customer}`);
  await world.settle();
  const at = world.desk.desk.conversations.find(({ user }) => user['phone'] === customer);
  if (!at) throw new Error('There is no conversation.');
  world.desk.desk.accept(at, 'agent-1');
  await world.desk.activity.settle(5_000);
  const says = async (body: string, lost = false) => {
    world.lose = () => lost;
    world.desk.desk.sendAsAgent(at, 'agent-1', body, true);
    await world.desk.activity.settle(5_000);
    world.lose = () => false;
  };
  const stored = async () =>
    (
      await db.pool.query<{ id: string; state: string; close_reason: string | null }>(
        'select id, state, close_reason from conversations where desk_conversation_id = $1',
        [at.id],
      )
    ).rows[0];
  const atPhone = () =>
    world.twilio.log.flatMap((entry) =>
      entry.kind === 'message' && entry.to === customer ? [entry.body] : [],
    );
  /** Until nothing more is due. */
  const compared = async (reconcilers = world.reconcilers()) => {
    await db.pool.query('update conversation_checks set due_at = now()');
    await reconcilers.pass('conversations');
    return reconcilers;
  };
  return { customer, at, says, stored, atPhone, compared };
}

/** The event of an agent's message comes again. */
async function eventComes(body: string): Promise<void> {
  const isIt = (call: { event: { data?: unknown } }) => JSON.stringify(call.event.data ?? '').includes(body);
  const call = world.desk.webhooks.find(isIt);
  world.desk.repeatWebhook(call?.index ?? 0);
  await eventually('the event is answered', () =>
    world.desk.webhooks.some((one) => isIt(one) && one.status === 204),
  );
}

describe('agents’ messages', () => {
  it('whose event was lost are delivered once, and the event that comes later is used up', async () => {
    const { says, atPhone, compared, customer } = await conversation();
    await says('first');
    await says('lost one', true);
    const { found, alarms } = await compared();
    await world.settle();
    expect(found).toEqual(['agent-message']);
    expect(alarms).toEqual([]);
    expect(atPhone()).toEqual(['first', 'lost one']);
    await compared();
    await eventComes('lost one');
    await compared();
    await world.settle();
    expect(atPhone()).toEqual(['first', 'lost one']);
    expect((await messagesOf(db.pool, customer)).filter((one) => one.direction === 'outbound')).toHaveLength(
      2,
    );
    const { rows } = await db.pool.query<{ unannounced: number }>(
      'select sum(unannounced)::int as unannounced from desk_conversations',
    );
    expect(rows[0]?.unannounced).toBe(0);
  });

  it('are counted where they are equal, and later ones are delivered at once', async () => {
    const { says, atPhone, compared } = await conversation();
    await says('ok');
    await says('ok', true);
    await says('ok');
    await compared();
    await world.settle();
    expect(atPhone()).toEqual(['ok', 'ok', 'ok']);
    await sleep(5);
    await says('ok');
    await world.settle();
    expect(atPhone()).toEqual(['ok', 'ok', 'ok', 'ok']);
    await compared();
    await world.settle();
    expect(atPhone()).toHaveLength(4);
  });

  it('are found where their events name no author, too', async () => {
    world.desk.settings.messageForm = 'guide-for-all';
    try {
      const { says, atPhone, compared, customer } = await conversation();
      await says('heard');
      await world.settle();
      await says('unheard', true);
      // The same words from both sides: the customer's announcement must not stand for the agent's.
      await text(customer, 'yes');
      await world.settle();
      await says('yes', true);
      const { found, alarms } = await compared();
      await world.settle();
      expect(alarms).toEqual([]);
      expect(found).toEqual(['agent-message', 'agent-message']);
      expect(atPhone()).toEqual(['heard', 'unheard', 'yes']);
      await eventComes('unheard');
      await world.settle();
      await compared();
      await world.settle();
      expect(atPhone()).toEqual(['heard', 'unheard', 'yes']);
    } finally {
      world.desk.settings.messageForm = 'reference';
    }
  });

  it('enter not at all where list and events do not show contents alike', async () => {
    const { at, says, atPhone, compared, stored } = await conversation();
    await says('as it was written');
    await world.settle();
    const first = at.messages.find((message) => message.text === 'as it was written');
    if (first) first.text = 'as it is listed';
    await says('lost', true);
    const { found, alarms } = await compared();
    await world.settle();
    expect({ found, alarms }).toEqual({ found: [], alarms: ['agent-messages-differ'] });
    expect(atPhone()).toEqual(['as it was written']);
    const { rows } = await db.pool.query<{ wait: number }>(
      'select extract(epoch from due_at - now())::int as wait from conversation_checks where conversation_id = $1',
      [(await stored())?.id],
    );
    expect(rows[0]?.wait).toBeGreaterThan(60);
  });

  it('are left to their events while they are young', async () => {
    const { at, says, atPhone, compared } = await conversation();
    await says('young', true);
    await compared(world.reconcilers({ agentMessagesAfterMs: 120_000 }));
    await world.settle();
    expect(atPhone()).toEqual([]);
    for (const message of at.messages) message.createdAtMs -= 120_000;
    await compared(world.reconcilers({ agentMessagesAfterMs: 120_000 }));
    await world.settle();
    expect(atPhone()).toEqual(['young']);
  });

  it('are not doubled by an event that comes between the listing and the taking', async () => {
    const { says, atPhone, compared } = await conversation();
    await says('overtaken', true);
    await compared(
      world.reconcilers({}, (direct) => async (called, call) => {
        const result = await direct(called, call);
        await eventComes('overtaken');
        return result;
      }),
    );
    await world.settle();
    await compared();
    await world.settle();
    expect(atPhone()).toEqual(['overtaken']);
  });

  it('are not doubled by an event whose transaction is under way when they are compared', async () => {
    const { at, says, atPhone, compared } = await conversation();
    await says('crossing', true);
    const gateway = await db.session().connect();
    await gateway.query('begin');
    const event = agentMessage('crossing', { deskConversationId: at.id, occurredAt: Date.now() });
    await acceptDeskEvents(gateway, [event], { readyMs: 50, closeGraceMs: 150 });
    const comparing = compared();
    await eventually('the comparison waits', () => waitsForLock(db, '%desk_conversations%for update%'));
    await gateway.query('commit');
    gateway.release();
    expect((await comparing).found).toEqual([]);
    await world.settle();
    expect(atPhone()).toEqual(['crossing']);
  });

  it('are taken once by two workers at once', async () => {
    const { says, atPhone, stored } = await conversation();
    await says('for both', true);
    const id = (await stored())?.id;
    await db.pool.query('update conversation_checks set due_at = now() where conversation_id = $1', [id]);
    // Each is given the conversation, as if the lease of the first had run out.
    const again = async () => {
      await db.pool.query('update conversation_checks set due_at = now() where conversation_id = $1', [id]);
    };
    const doubled = () =>
      world.reconcilers({}, (direct) => async (called, call) => {
        const result = await direct(called, call);
        await again();
        return result;
      });
    await Promise.all([doubled(), doubled(), doubled()].map(({ pass }) => pass('conversations')));
    await world.settle();
    expect(atPhone()).toEqual(['for both']);
  });

  it('that were the last before the end are found once more after it', async () => {
    const { at, says, atPhone, compared, stored } = await conversation();
    await says('goodbye', true);
    world.desk.desk.end(at);
    await world.desk.activity.settle(5_000);
    const closed = await stored();
    expect(closed?.state).toBe('closed');
    await compared();
    await world.settle();
    expect(atPhone()).toEqual(['goodbye']);
    await compared();
    const left = await db.pool.query('select 1 from conversation_checks where conversation_id = $1', [
      closed?.id,
    ]);
    expect(left.rowCount).toBe(0);
  });

  it('wait while the desk fails, without pulling others down', async () => {
    const broken = await conversation();
    const sound = await conversation();
    await broken.says('stuck', true);
    await sound.says('fine', true);
    world.desk.setFault({
      operation: 'messages.list',
      effect: 'answer',
      status: 500,
      contains: broken.at.id,
      times: null,
    });
    await broken.compared();
    await world.settle();
    expect([broken.atPhone(), sound.atPhone()]).toEqual([[], ['fine']]);
    world.desk.faults.disarmAll();
    await broken.compared();
    await world.settle();
    expect(broken.atPhone()).toEqual(['stuck']);
  });
});

describe('silent conversations', () => {
  const SILENT_MS = 100;
  const silent = () => world.reconcilers({ silentAfterMs: SILENT_MS });
  /** Conversations of other tests are left alone. */
  async function asked(id: string | undefined, reconcilers = silent()) {
    await sleep(SILENT_MS + 20);
    await db.pool.query(`update conversation_checks set due_at = now() + interval '1 hour'`);
    await db.pool.query('update conversation_checks set due_at = now() where conversation_id = $1', [id]);
    await reconcilers.pass('conversations');
    return reconcilers;
  }

  it('whose end was lost are closed', async () => {
    const { at, stored } = await conversation();
    world.lose = () => true;
    world.desk.desk.end(at);
    await world.desk.activity.settle(5_000);
    expect((await stored())?.state).toBe('active');
    const { found } = await asked((await stored())?.id);
    expect(found).toEqual(['conversation']);
    expect(await stored()).toMatchObject({ state: 'closed', close_reason: 'agent-left' });
  });

  it('whose agent’s leaving was lost are closed after the grace, and opened for whom nobody heard', async () => {
    const { at, says, stored, customer } = await conversation();
    await says('bye');
    world.lose = ({ url }) => url === '/events';
    world.desk.desk.leave(at, 'agent-1');
    await world.desk.activity.settle(5_000);
    world.lose = () => false;
    await sleep(5);
    await text(customer, `anybody there, ${customer}`);
    await world.settle();
    expect((await stored())?.state).toBe('active');
    const { found } = await asked((await stored())?.id);
    expect(found).toEqual(['conversation']);
    expect((await stored())?.state).toBe('active');
    await eventually('the grace is over', async () => {
      await world.upkeep.closeDue();
      return (await stored())?.state === 'closed';
    });
    expect((await stored())?.close_reason).toBe('agent-left');
    await world.settle();
    const histories = world.desk.log.flatMap((entry) => (entry.kind === 'conversation' ? [entry] : []));
    expect(JSON.stringify(histories.at(-1)?.history)).toContain(`anybody there, ${customer}`);
  });

  it('in which an agent is stay open, and say nothing twice', async () => {
    const { stored } = await conversation();
    const { found } = await asked((await stored())?.id);
    expect(found).toEqual([]);
    expect((await stored())?.state).toBe('active');
  });

  it('that were heard of lately are not asked for', async () => {
    const { stored } = await conversation();
    const before = world.desk.faults.hits;
    world.desk.setFault({ operation: 'conversations.get', effect: 'answer', status: 500, times: null });
    await asked((await stored())?.id, world.reconcilers({ silentAfterMs: 60_000 }));
    expect(world.desk.faults.hits).toBe(before);
  });

  it('that the desk does not know any more are gone', async () => {
    const { at, stored } = await conversation();
    world.desk.desk.forget(at.id);
    await asked((await stored())?.id);
    expect(await stored()).toMatchObject({ state: 'closed', close_reason: 'gone' });
  });

  it('are not believed to be gone because their list is', async () => {
    const { at, stored } = await conversation();
    world.desk.setFault({ operation: 'messages.list', effect: 'answer', status: 404, contains: at.id });
    await asked((await stored())?.id);
    expect((await stored())?.state).toBe('active');
  });
});

describe('receipts', () => {
  /** An answer whose callbacks are lost. */
  async function answer(status?: 'sent' | 'delivered' | 'undelivered', errorCode?: number) {
    const { says, customer } = await conversation();
    world.twilio.settings.autoProgress = false;
    await says(`answer to ${customer}`);
    await world.settle();
    const sid = world.twilio.messages.find((one) => one.to === customer)?.sid ?? '';
    world.lose = () => true;
    if (status !== undefined) await world.twilio.setStatus(sid, status, errorCode);
    world.lose = () => false;
    world.twilio.settings.autoProgress = true;
    const stored = async () =>
      (await messagesOf(db.pool, customer)).find((message) => message.direction === 'outbound');
    const checks = async () =>
      (
        await db.pool.query<{ tries: number; wait: number }>(
          `select tries, extract(epoch from due_at - now())::float8 as wait from receipt_checks where message_id = $1`,
          [(await stored())?.id],
        )
      ).rows;
    await sleep(5);
    return { sid, stored, checks, customer };
  }
  const due = () => db.pool.query('update receipt_checks set due_at = now()');

  it('whose callbacks were lost are asked for, and then no more', async () => {
    const { stored, checks } = await answer('delivered');
    expect((await stored())?.receipt).toBe('queued');
    const { pass, found } = world.reconcilers();
    await pass('receipts');
    expect((await stored())?.receipt).toBe('delivered');
    expect(found).toContain('receipt');
    expect(await checks()).toEqual([]);
  });

  it('that report a failure are applied as a callback is', async () => {
    const { stored, customer } = await answer('undelivered', 30003);
    await world.reconcilers().pass('receipts');
    await world.settle();
    // Its code says once more.
    expect(
      world.twilio.log.filter((entry) => entry.kind === 'message' && entry.to === customer),
    ).toHaveLength(2);
    expect((await stored())?.delivery).toBe('submitted');
  });

  it('that stand still are asked for with pauses that double, for a day', async () => {
    const { sid, stored, checks } = await answer('sent');
    const { pass } = world.reconcilers({ receiptsAfterMs: 1_000 });
    await sleep(1_050);
    const waits: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      await pass('receipts');
      const [check] = await checks();
      waits.push(Math.round(check?.wait ?? 0));
      await due();
    }
    expect(waits).toEqual([1, 2, 4]);
    expect((await stored())?.receipt).toBe('sent');
    await db.pool.query(
      `update attempts set started_at = started_at - interval '1 day' where provider_id = $1`,
      [sid],
    );
    await pass('receipts');
    expect(await checks()).toEqual([]);
  });

  it('of what the provider does not know are let be', async () => {
    const { checks, sid } = await answer('sent');
    world.twilio.setFault({ operation: 'messages.fetch', effect: 'answer', status: 404, contains: sid });
    await world.reconcilers().pass('receipts');
    expect(await checks()).toEqual([]);
  });

  it('come later when the provider fails', async () => {
    const { stored } = await answer('delivered');
    world.twilio.setFault({ operation: 'messages.fetch', effect: 'answer', status: 500, times: null });
    await world.reconcilers().pass('receipts');
    expect((await stored())?.receipt).toBe('queued');
    world.twilio.faults.disarmAll();
    await due();
    await world.reconcilers().pass('receipts');
    expect((await stored())?.receipt).toBe('delivered');
  });

  it('that are final in time are never looked at one by one', async () => {
    const { customer, says } = await conversation();
    await says('in time');
    await world.settle();
    await world.twilio.activity.settle(5_000);
    await eventually('the receipt', async () =>
      (await messagesOf(db.pool, customer)).some((message) => message.receipt === 'delivered'),
    );
    await world.reconcilers().pass('receipts');
    const { rowCount } = await db.pool.query(
      'select 1 from receipt_checks c join messages m on m.id = c.message_id where m.direction = $1',
      ['outbound'],
    );
    expect(rowCount).toBe(0);
  });
});
