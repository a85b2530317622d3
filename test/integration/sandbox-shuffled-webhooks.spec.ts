import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ChatGatewaySimulator,
  startChatGatewaySimulator,
  startTwilioSimulator,
  type TwilioSimulator,
} from '../../apps/sandbox/src/index.js';
import { startWebhookReceiver } from '../contracts/webhook-receiver.js';

const MANY = 12;

/** With `webhookJitterMs` webhooks overtake each other; without it they come in the order of what they tell. */
describe('shuffled webhooks', () => {
  let receiver: Awaited<ReturnType<typeof startWebhookReceiver>>;
  let twilio: TwilioSimulator;
  let desk: ChatGatewaySimulator;

  beforeEach(async () => {
    receiver = await startWebhookReceiver();
    twilio = await startTwilioSimulator({ accountSid: 'AC0', authTokens: ['t'], webhookUrl: receiver.url });
    const settings = { stepMs: 0 };
    desk = await startChatGatewaySimulator({
      apiKey: 'k',
      tenantId: 't',
      customerId: 'c',
      channelId: '25',
      webhookUrl: receiver.url,
      settings,
    });
  });

  afterEach(async () => {
    await Promise.all([twilio.close(), desk.close(), receiver.close()]);
  });

  /** The agent's messages, in the order in which their events came. */
  async function toldInOrder(webhookJitterMs: number): Promise<string[]> {
    Object.assign(desk.settings, { webhookJitterMs });
    const conversation = desk.desk.create({
      channelId: '25',
      user: {},
      assignment: { type: 'queue', id: '100' },
      queueId: '100',
      history: [],
      historyAsSent: [],
    });
    desk.desk.accept(conversation, 'agent-1');
    for (let n = 1; n <= MANY; n += 1) desk.desk.sendAsAgent(conversation, 'agent-1', String(n));
    expect(await desk.activity.settle(10_000)).toBe(true);
    return desk.webhooks.flatMap(({ event }) =>
      event.eventType === 'MESSAGE' ? [String((event.data as { text: string }).text)] : [],
    );
  }

  const written = Array.from({ length: MANY }, (_, index) => String(index + 1));

  it('of the desk: all come, in another order', async () => {
    const told = await toldInOrder(300);
    expect(told.toSorted((a, b) => Number(a) - Number(b))).toEqual(written);
    expect(told).not.toEqual(written);
  });

  it('of the desk: in order without it', async () => {
    expect(await toldInOrder(0)).toEqual(written);
  });

  it("of Twilio: customers' texts overtake each other", async () => {
    Object.assign(twilio.settings, { webhookJitterMs: 300 });
    for (const body of written) twilio.receiveTextSoon({ from: '+15550123', to: '+15550100', body });
    expect(await twilio.activity.settle(10_000)).toBe(true);
    const bodies = twilio.webhooks.map(({ params }) => params['Body']);
    expect(new Set(bodies)).toEqual(new Set(written));
    expect(bodies).not.toEqual(written);
  });
});
