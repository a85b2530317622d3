import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { InboundMessageReceived, OptOutKeyword } from '#core';
import {
  agentMessage,
  inboundMessage,
  makeNumber,
  receipt,
  startTestDatabase,
  type TestDatabase,
} from '../support/accepting.js';
import { activeThread, startDelivery, type Delivery } from '../support/delivering.js';
import { refuses } from '../support/fakes.js';

let db: TestDatabase;
let delivery: Delivery;

beforeAll(async () => {
  db = await startTestDatabase();
});
afterAll(() => db.stop());
beforeEach(() => {
  delivery = startDelivery(db);
});

type Active = Awaited<ReturnType<typeof activeThread>>;

function keywordMessage(
  thread: { address: string },
  keyword: OptOutKeyword,
  to = '+15550100',
): InboundMessageReceived {
  return inboundMessage({
    from: thread.address,
    to,
    content: { type: 'text', text: keyword.toUpperCase(), context: { keyword } },
  });
}

async function says(thread: Active, text: string): Promise<void> {
  await db.gateway.accept([agentMessage(text, { deskConversationId: thread.deskId })]);
  await delivery.drainEmpty(thread.outbound);
}

async function outcomes(thread: Active): Promise<string[]> {
  return (await thread.messages('outbound')).map(({ delivery: state, reason }) =>
    [state, reason].filter(Boolean).join(' '),
  );
}

describe('a customer who texts STOP', () => {
  it('gets nothing more, without a call, until they text START', async () => {
    const thread = await activeThread(db, delivery);
    await db.gateway.accept([keywordMessage(thread, 'stop')]);
    delivery.attempted.length = 0;
    await says(thread, 'are you there?');
    expect(delivery.attempted).toEqual([]);
    expect(await outcomes(thread)).toEqual(['failed opted-out']);
    await db.gateway.accept([keywordMessage(thread, 'start')]);
    await says(thread, 'welcome back');
    expect(await outcomes(thread)).toEqual(['failed opted-out', 'submitted']);
    expect(delivery.channel.texts(thread.address)).toEqual(['welcome back']);
  });

  it('stays who they are when the STOP before the START comes again', async () => {
    const thread = await activeThread(db, delivery);
    const stop = keywordMessage(thread, 'stop');
    await db.gateway.accept([stop]);
    await db.gateway.accept([keywordMessage(thread, 'start')]);
    expect(await db.gateway.accept([stop])).toEqual(['duplicate']);
    await says(thread, 'welcome back');
    expect(await outcomes(thread)).toEqual(['submitted']);
  });

  const minutesAgo = (minutes: number) => ({ writtenAt: new Date(Date.now() - minutes * 60_000) });

  it('stays who they are when a STOP is found that they said before the START', async () => {
    const thread = await activeThread(db, delivery);
    await db.gateway.accept([keywordMessage(thread, 'start')]);
    await db.gateway.accept([{ ...keywordMessage(thread, 'stop'), ...minutesAgo(5) }]);
    await says(thread, 'welcome back');
    expect(await outcomes(thread)).toEqual(['submitted']);
  });

  it('is heard late, and so is the START after it', async () => {
    const thread = await activeThread(db, delivery);
    const found = [
      { ...keywordMessage(thread, 'stop'), ...minutesAgo(5) },
      { ...keywordMessage(thread, 'start'), ...minutesAgo(4) },
      { ...keywordMessage(thread, 'stop'), ...minutesAgo(3) },
    ];
    const heard: string[] = [];
    for (const word of found) {
      await db.gateway.accept([word]);
      await says(thread, 'are you there?');
      heard.push((await outcomes(thread)).at(-1) ?? '');
    }
    expect(heard).toEqual(['failed opted-out', 'submitted', 'failed opted-out']);
    // The same list again, as the next look has it.
    for (const word of found) expect(await db.gateway.accept([word])).toEqual(['duplicate']);
    await says(thread, 'are you there?');
    expect((await outcomes(thread)).at(-1)).toBe('failed opted-out');
  });

  it('is heard although the first try died between storing the text and the word', async () => {
    const thread = await activeThread(db, delivery);
    const stop = keywordMessage(thread, 'stop');
    // What is stored, and never answered, by a gateway that dies then.
    await db.gateway.accept([{ ...stop, content: { type: 'text', text: 'STOP' } }]);
    expect(await db.gateway.accept([stop])).toEqual(['duplicate']);
    await says(thread, 'are you there?');
    expect(await outcomes(thread)).toEqual(['failed opted-out']);
  });

  it('reads as opting in again only where they had opted out', async () => {
    const thread = await activeThread(db, delivery);
    const optedIn: unknown[] = [];
    delivery.desk.renders = (content, shownWith) => {
      optedIn.push(shownWith?.optedIn);
      return [{ text: content.type === 'text' ? content.text : '' }];
    };
    for (const keyword of ['start', 'stop', 'start', 'start'] as const) {
      await db.gateway.accept([keywordMessage(thread, keyword)]);
      await delivery.drainEmpty(thread.inbound);
    }
    expect(delivery.desk.texts().at(-1)).toEqual(['START', 'START']);
    expect(optedIn).toEqual([undefined, undefined, true, undefined]);
  });

  it('is not muted by HELP', async () => {
    const thread = await activeThread(db, delivery);
    await db.gateway.accept([keywordMessage(thread, 'help')]);
    await says(thread, 'how can I help?');
    expect(await outcomes(thread)).toEqual(['submitted']);
  });

  it('as their very first text is heard, too', async () => {
    const address = '+15577000001';
    await makeNumber(db.pool);
    await db.gateway.accept([keywordMessage({ address }, 'stop')]);
    const { rows } = await db.pool.query(
      `select o.sender, o.opted_out from opt_outs o join customer_aliases a on a.customer_id = o.customer_id where a.value = $1`,
      [address],
    );
    expect(rows).toEqual([{ sender: '+15550100', opted_out: true }]);
  });

  it('means every number of the same Messaging Service, and no other', async () => {
    const thread = await activeThread(db, delivery);
    const { rows } = await db.pool.query<{ customer_id: string }>(
      'select customer_id from threads where id = $1',
      [thread.threadId],
    );
    const ask = async (service: string | null, address: string) => {
      const answer = await db.pool.query<{ yes: boolean }>(
        `select is_opted_out('default', 'AC1', $1, $2, $3) as yes`,
        [address, service, rows[0]?.customer_id],
      );
      return answer.rows[0]?.yes;
    };
    await db.pool.query('update business_numbers set messaging_service_sid = $2 where id = $1', [
      thread.numberId,
      'MG1',
    ]);
    await db.gateway.accept([keywordMessage(thread, 'stop')]);
    await db.pool.query('update business_numbers set messaging_service_sid = null where id = $1', [
      thread.numberId,
    ]);
    expect(await ask('MG1', '+15550100')).toBe(true);
    expect(await ask('MG1', '+15550177')).toBe(true);
    expect(await ask('MG2', '+15550100')).toBe(false);
    expect(await ask(null, '+15550177')).toBe(false);
  });
});

describe("a provider's word that the customer has opted out", () => {
  it('is kept: the next message fails without a call', async () => {
    const thread = await activeThread(db, delivery);
    delivery.channel.sends.next(refuses('failed', { code: 'opted-out', providerCode: '21610' }));
    await says(thread, 'first');
    delivery.attempted.length = 0;
    await says(thread, 'second');
    expect(delivery.attempted).toEqual([]);
    expect(await outcomes(thread)).toEqual(['failed opted-out', 'failed opted-out']);
  });

  it('means the same when it comes late', async () => {
    const thread = await activeThread(db, delivery);
    await says(thread, 'first');
    const [sent] = delivery.channel.accepted.filter(({ to }) => to === thread.address);
    const report = {
      status: 'failed' as const,
      providerMessageId: sent?.providerId ?? '',
      providerCode: '30630',
      late: 'failed' as const,
      optedOut: true,
    };
    await db.gateway.accept([receipt(report)]);
    delivery.attempted.length = 0;
    await says(thread, 'second');
    expect(delivery.attempted).toEqual([]);
    expect((await outcomes(thread)).at(-1)).toBe('failed opted-out');
  });

  it('about an attempt from before their START changes nothing', async () => {
    const thread = await activeThread(db, delivery);
    await says(thread, 'first');
    const [sent] = delivery.channel.accepted.filter(({ to }) => to === thread.address);
    await db.gateway.accept([keywordMessage(thread, 'start')]);
    await db.gateway.accept([
      receipt({
        status: 'failed',
        providerMessageId: sent?.providerId ?? '',
        providerCode: '21610',
        late: 'failed',
        optedOut: true,
      }),
    ]);
    await says(thread, 'second');
    expect((await outcomes(thread)).at(-1)).toBe('submitted');
  });
});
