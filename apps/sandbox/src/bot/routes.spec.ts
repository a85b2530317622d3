import fastify, { type FastifyInstance } from 'fastify';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HandOver, RefusedError } from './causeway.js';
import { registerBot } from './routes.js';

const SECRET = `whsec_${Buffer.from('a secret of this test, no other').toString('base64')}`;

describe('the example bot behind its URL', () => {
  let app: FastifyInstance;
  let said: { threadId: string; text: string; idempotencyKey: string }[];
  let handOvers: HandOver[];
  let failure: Error | undefined;

  beforeEach(() => {
    said = [];
    handOvers = [];
    failure = undefined;
    app = fastify();
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    registerBot(app, {
      secret: SECRET,
      causeway: {
        say: async (message) => {
          said.push(message);
          if (failure) throw failure;
        },
        handOver: async (handOver) => void handOvers.push(handOver),
      },
    });
  });

  afterEach(async () => app.close());

  let events = 0;
  const event = (text: string, rest: object = {}) => ({
    id: `event-${(events += 1)}`,
    type: 'message.received',
    thread: { id: 'thread-1' },
    customer: { id: 'c', address: '+15550123', name: 'James Jones', language: 'en' },
    message: { id: 'm', content: { type: 'text', text } },
    ...rest,
  });

  async function post(body: object & { id: string }, secret = SECRET): Promise<number> {
    const payload = JSON.stringify(body);
    const now = new Date();
    const { statusCode } = await app.inject({
      method: 'POST',
      url: '/bot',
      headers: {
        'content-type': 'application/json',
        'webhook-id': body.id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
        'webhook-signature': new Webhook(secret).sign(body.id, now, payload),
      },
      payload,
    });
    return statusCode;
  }

  it('answers who is signed for, and nobody else', async () => {
    expect(await post(event('balance'), Buffer.from('another secret').toString('base64'))).toBe(401);
    expect((await app.inject({ method: 'POST', url: '/bot', payload: '{}' })).statusCode).toBe(401);
    expect(said).toEqual([]);
    const asked = event('balance');
    expect(await post(asked)).toBe(204);
    expect(said).toEqual([
      {
        threadId: 'thread-1',
        text: 'Sure, what is your account number',
        idempotencyKey: `bot ${asked.id} 0`,
      },
    ]);
  });

  it('says nothing twice: neither to an event that comes again nor to one that failed half-way', async () => {
    const asked = event('balance');
    failure = new Error('Causeway is away.');
    expect(await post(asked)).toBe(503);
    failure = undefined;
    expect([await post(asked), await post(asked)]).toEqual([204, 204]);
    expect(said).toHaveLength(2);
    expect(new Set(said.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    failure = new RefusedError('Causeway answered 404 to messages.');
    expect(await post(event('1234'))).toBe(422);
  });

  it('takes the events of a thread one after the other', async () => {
    await Promise.all([post(event('balance')), post(event('1234'))]);
    expect(said.map(({ text }) => text)).toEqual([
      'Sure, what is your account number',
      'Your balance is £12.34',
    ]);
  });

  it('hands over with what was said, and asks when the conversation comes back', async () => {
    for (const text of ['balance', '1234', 'an agent, please']) await post(event(text));
    expect(handOvers).toMatchObject(
      [
        {
          threadId: 'thread-1',
          user: {
            name: 'James Jones',
            language: 'en',
            properties: { Authenticated: 'yes', Intent: 'balance' },
          },
          idempotencyKey: /^bot event-\d+ hand-over$/,
        },
      ].map(({ idempotencyKey, ...rest }) => ({
        ...rest,
        idempotencyKey: expect.stringMatching(idempotencyKey),
      })),
    );
    expect(handOvers[0]?.history.map(({ authorType, text }) => `${authorType}: ${text}`)).toEqual([
      'user: balance',
      'bot: Sure, what is your account number',
      'user: 1234',
      'bot: Your balance is £12.34',
      'user: an agent, please',
      'bot: Sure, connecting you now',
    ]);
    said = [];
    const back = { conversation: { id: 'conversation-1', state: 'post-agent' } };
    for (const text of ['Thanks', '5', 'Nothing', 'Hi again']) await post(event(text, back));
    expect(said.map(({ text }) => text)).toEqual([
      'Before you go: how satisfied are you with our help, from 1 to 5?',
      'Thank you! What could we do better?',
      'Thank you, we will pass it on. Goodbye!',
      'I can tell you your balance, or connect you to an agent. What would you like?',
    ]);
  });

  it('gives a survey up when its time is over', async () => {
    await post(event('Thanks', { conversation: { id: 'conversation-2', state: 'post-agent' } }));
    await post(event('balance'));
    expect(said.at(-1)?.text).toBe('Sure, what is your account number');
  });

  it('passes over what it does not know', async () => {
    expect(await post(Object.assign(event('x'), { type: 'customer.typing' }))).toBe(204);
    expect(said).toEqual([]);
  });
});
