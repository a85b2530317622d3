import { beforeEach, describe, expect, it } from 'vitest';
import { DeliveryError, type CardSubmission } from '#core';
import type { ProviderHttpRequest, ProviderHttpResponse } from '#platform';
import { ChatGatewayClient } from './client.js';
import { ChatGatewayDesk } from './desk.js';

type Answer = [status: number, body?: unknown];

const BASE = 'https://desk.example';
const ADAPTIVE = 'application/vnd.microsoft.card.adaptive';
const CONTENT = { type: 'AdaptiveCard', actions: [{ type: 'Action.Submit', title: 'Yes' }] };
const AT = 1_713_100_000_000;

let asked: { call: string; body: unknown; headers: Record<string, string> }[];
let messages: unknown[];
let cards: Record<string, unknown[]>;
let submitAnswer: Answer;

const desk = new ChatGatewayDesk(
  new ChatGatewayClient(
    {
      request: async ({
        method,
        url,
        body,
        headers = {},
      }: ProviderHttpRequest): Promise<ProviderHttpResponse> => {
        const { pathname } = new URL(url);
        asked.push({
          call: `${method} ${pathname}`,
          body: typeof body === 'string' ? JSON.parse(body) : undefined,
          headers,
        });
        const [status, answer] = answerTo(pathname);
        return { status, headers: {}, body: Buffer.from(answer === undefined ? '' : JSON.stringify(answer)) };
      },
    },
    { baseUrl: BASE, apiKey: 'k', tenantId: 'acme 01' },
  ),
);

function answerTo(path: string): Answer {
  const messageId = /\/messages\/([^/]+)\/cards$/.exec(path)?.[1];
  if (messageId !== undefined) return [200, { _embedded: { cards: cards[messageId] ?? [] } }];
  return path.endsWith('/messages') ? [200, { _embedded: { messages } }] : submitAnswer;
}

beforeEach(() => {
  asked = [];
  cards = {};
  messages = [message('m1', [card('c1')])];
  submitAnswer = [204];
});

function message(id: string, withCards: unknown, changes: object = {}): object {
  const createdAt = new Date(AT + 20).toISOString();
  return { id, text: '', createdAt, author: { type: 'agent', id: 'a1' }, cards: withCards, ...changes };
}

const card = (id: string | undefined, changes: object = {}): object => ({
  ...(id !== undefined && { id }),
  contentType: ADAPTIVE,
  content: structuredClone(CONTENT),
  ...changes,
});

function submit(changes: Partial<CardSubmission> = {}) {
  const submission: CardSubmission = {
    deskConversationId: 'ID/0',
    card: { contentType: ADAPTIVE, content: CONTENT },
    announcedAt: AT,
    action: 'submit',
    data: { dish: 'soup' },
    title: 'Yes',
    ...changes,
  };
  return desk.submitCard(submission, { timeoutMs: 1_000 });
}
const put = () => asked.filter(({ call }) => call.startsWith('PUT'));

describe('a card that is submitted', () => {
  it.each([
    ['submit', 'action-submit'],
    ['execute', 'action-execute'],
  ] as const)('is told by its id: %s', async (action, operation) => {
    expect(await submit({ action })).toBe('submitted');
    expect(put()).toEqual([
      {
        call: `PUT /api/v1/tenant/acme%2001/conversations/ID%2F0/cards/c1/${operation}`,
        body: { name: 'Yes', dish: 'soup' },
        headers: expect.objectContaining({ 'x-api-key': 'k', 'content-type': 'application/json' }) as object,
      },
    ]);
  });

  it('keeps a name of its own', async () => {
    await submit({ data: { name: 'Ada' } });
    expect(put()[0]?.body).toEqual({ name: 'Ada' });
  });

  it.each([
    ['submit', { actionSubmitted: true }],
    ['execute', { actionExecuted: true }],
  ] as const)('is told once: %s', async (action, mark) => {
    messages = [message('m1', [card('c1', mark)])];
    expect(await submit({ action })).toBe('already');
    expect(put()).toEqual([]);
    expect(await submit({ action: action === 'submit' ? 'execute' : 'submit' })).toBe('submitted');
  });

  it('is the nearest in time of those that are alike', async () => {
    const later = { createdAt: new Date(AT + 60_000).toISOString() };
    messages = [
      message('m2', [card('late')], later),
      message('m1', [card('c1')]),
      message('m0', [card('odd')], { createdAt: 'x' }),
    ];
    await submit();
    await submit({ announcedAt: AT + 59_000 });
    expect(put().map(({ call }) => call.split('/').at(-2))).toEqual(['c1', 'late']);
  });

  it('is none of the customer’s, and none that says something else', async () => {
    messages = [
      message('m1', [card('c1')], { author: { type: 'user' } }),
      message('m2', [
        card('c2', { content: { ...CONTENT, body: [] } }),
        card('c3', { contentType: 'Buttons' }),
      ]),
      message('m3', 'x'),
      7,
    ];
    expect(await submit()).toBe('no-card');
    expect(put()).toEqual([]);
  });

  it('is asked for by its message where the list shows it without an id', async () => {
    messages = [message('m1', [card(undefined)])];
    cards = { m1: [card('other', { content: {} }), card('c1', { actionSubmitted: true })] };
    expect(await submit()).toBe('already');
    cards = { m1: [] };
    expect(await submit()).toBe('no-card');
  });

  it('is asked for by the messages around it where the list shows no cards', async () => {
    messages = Array.from({ length: 9 }, (_, n) =>
      message(`m${n}`, undefined, { createdAt: new Date(AT + n * 1_000).toISOString() }),
    );
    cards = { m4: [card('c4')] };
    expect(await submit()).toBe('submitted');
    cards = { m8: [card('c8')] };
    asked = [];
    expect(await submit()).toBe('no-card');
    expect(asked).toHaveLength(6);
  });

  it.each<[number, string]>([
    [404, 'gone'],
    [409, 'gone'],
    [400, 'failed'],
    [401, 'credentials'],
    [403, 'credentials'],
    [429, 'not-sent'],
    [500, 'not-sent'],
    [503, 'not-sent'],
  ])('that answers %i is %s', async (status, kind) => {
    submitAnswer = [status, { message: 'x' }];
    const failure: unknown = await submit().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DeliveryError);
    expect(failure).toMatchObject({ kind });
  });
});
