import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ChatGatewaySimulator,
  startChatGatewaySimulator,
  startTwilioSimulator,
  type TwilioSimulator,
} from '../../apps/sandbox/src/index.js';
import { Machine } from '../../apps/sandbox/src/page/machine.js';
import { ProviderSwitches } from '../../apps/sandbox/src/page/provider-switches.js';
import type { BridgeMessage, StormState } from '../../apps/sandbox/src/page/state.js';
import { Storm } from '../../apps/sandbox/src/page/storm/storm.js';

/** What a bad bridge does with one message of each direction; `later` is after the next of its lane. */
type Misdeed = (deliver: () => void, later: (work: () => void) => void) => void;

const MISDEEDS = {
  none: (deliver) => deliver(),
  lose: () => undefined,
  double: (deliver) => [deliver, deliver].forEach((work) => work()),
  'swap with the next': (deliver, later) => later(deliver),
} satisfies Record<string, Misdeed>;

/** Who suffers. */
const BAD = /customer 1 · (text|answer) 2$/;
/** Who comes after them in their lane. */
const NEXT = /customer 1 · (text|answer) 3$/;

/** A storm is a checker: over a bridge that misbehaves it must say so. */
describe('a storm over a bridge that', () => {
  let server: Server;
  let twilio: TwilioSimulator;
  let desk: ChatGatewaySimulator;
  let misdeed: Misdeed;
  let answerWith: (body: string) => number;
  let waiting: BridgeMessage[] | undefined;
  let marked: string[];
  let held: Map<string, () => void>;

  beforeEach(async () => {
    misdeed = MISDEEDS.none;
    answerWith = () => 200;
    waiting = [];
    marked = [];
    held = new Map();
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        const status = answerWith(body);
        if (status === 200) (request.url === '/twilio' ? fromTwilio : fromDesk)(body);
        response.writeHead(status).end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const numbers = ['+15550100'];
    twilio = await startTwilioSimulator({
      accountSid: 'AC0',
      authTokens: ['t'],
      numbers,
      webhookUrl: `${url}/twilio`,
    });
    desk = await startChatGatewaySimulator({
      apiKey: 'k',
      tenantId: 't',
      customerId: 'c',
      channelId: '25',
      webhookUrl: `${url}/desk`,
    });
  });

  afterEach(async () => {
    await Promise.all([twilio.close(), desk.close()]);
    server.close();
  });

  function act(text: string, deliver: () => void): void {
    const [, kind = ''] = BAD.exec(text) ?? NEXT.exec(text) ?? [];
    if (BAD.test(text)) return misdeed(deliver, (work) => held.set(kind, work));
    deliver();
    if (!NEXT.test(text)) return;
    held.get(kind)?.();
    held.delete(kind);
  }

  function fromTwilio(body: string): void {
    const form = new URLSearchParams(body);
    const [from, text] = [form.get('From') ?? '', form.get('Body') ?? ''];
    if (!text) return;
    const open = desk.desk.conversations.find(({ user }) => user['phone'] === from);
    const conversation =
      open ??
      desk.desk.create({
        channelId: '25',
        user: { phone: from },
        assignment: { type: 'queue', id: '100' },
        queueId: '100',
        history: [],
        historyAsSent: [],
      });
    act(text, () => desk.desk.post(conversation, 'user', text, {}));
  }

  function fromDesk(body: string): void {
    const event = JSON.parse(body) as {
      eventType: string;
      data?: { sender?: { type: string }; text?: string };
    };
    const { sender, text = '' } = event.data ?? {};
    if (event.eventType !== 'MESSAGE' || sender?.type !== 'agent') return;
    act(text, () => void createAtTwilio(text));
  }

  async function createAtTwilio(text: string): Promise<void> {
    const customer = /customer (\d+)/.exec(text)?.[1] ?? '';
    await fetch(`${twilio.url}/2010-04-01/Accounts/AC0/Messages.json`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('AC0:t').toString('base64')}` },
      body: new URLSearchParams({ From: '+15550100', To: `+155577${customer.padStart(4, '0')}`, Body: text }),
    });
  }

  function storm(): Storm {
    return new Storm(
      { customers: 2, texts: 4, faults: false },
      {
        simulators: { twilio, 'chat-gateway': desk },
        switches: { twilio: new ProviderSwitches(twilio), 'chat-gateway': new ProviderSwitches(desk) },
        machine: new Machine({ on: () => undefined }),
        look: async () => waiting,
        seen: () => marked.map((text) => ({ text, possibleDuplicate: true }) as BridgeMessage),
      },
    );
  }

  async function run(): Promise<StormState> {
    const one = storm();
    await one.run();
    return one.state;
  }

  it('does everything right finds nothing, and every text is answered', async () => {
    const state = await run();
    expect(state).toMatchObject({ phase: 'done', progress: 1 });
    for (const counts of [state.inbound, state.outbound]) {
      expect(counts).toMatchObject({
        written: 8,
        accepted: 8,
        delivered: 8,
        lost: 0,
        doubled: 0,
        outOfOrder: 0,
      });
    }
  });

  it('loses finds the loss', async () => {
    misdeed = MISDEEDS.lose;
    expect(await run()).toMatchObject({ inbound: { lost: 1, delivered: 7 }, outbound: { lost: 1 } });
  });

  it('doubles finds the double, and whether it was marked', async () => {
    misdeed = MISDEEDS.double;
    const one = storm();
    await one.run();
    expect(one.state).toMatchObject({
      inbound: { doubled: 1, doubledMarked: 0, lost: 0 },
      outbound: { doubled: 1, doubledMarked: 0, lost: 0 },
    });
    marked = desk.log.flatMap((entry) =>
      entry.kind === 'message' && BAD.test(entry.text) ? [entry.text] : [],
    );
    expect(one.state).toMatchObject({ inbound: { doubled: 1, doubledMarked: 1 } });
  });

  it('swaps finds what is out of order', async () => {
    misdeed = MISDEEDS['swap with the next'];
    const { inbound, outbound } = await run();
    expect(inbound.outOfOrder).toBe(1);
    expect(outbound.outOfOrder).toBe(1);
    expect(inbound.lost + outbound.lost).toBe(0);
  });

  it('takes only one of two copies of a webhook counts the text as accepted', async () => {
    Object.assign(twilio.settings, { webhookCopies: 2 });
    const seen = new Set<string>();
    answerWith = (body) => {
      const isCopy = seen.has(body);
      seen.add(body);
      return isCopy ? 503 : 200;
    };
    expect(await run()).toMatchObject({ inbound: { accepted: 8, refused: 0, delivered: 8 } });
  });

  it('has something under way is waited for; stopped once more, nothing of it is called lost', async () => {
    misdeed = MISDEEDS.lose;
    const one = storm();
    const running = one.run();
    await expect.poll(() => one.state.phase, { timeout: 20_000 }).toBe('settling');
    waiting = [
      { text: `Storm ${one.state.id} · customer 1 · text 4`, waits: { why: 'it must' } } as BridgeMessage,
    ];
    one.stop();
    await running;
    expect(one.state).toMatchObject({ phase: 'stopped' });
    expect(one.state.inbound.lost).toBeLessThanOrEqual(1);
    expect(one.state.events[0]?.text).toMatch(/No longer waited for/);
  });
});
