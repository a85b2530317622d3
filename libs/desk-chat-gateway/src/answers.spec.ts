import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeliveryError } from '#core';
import type { ProviderHttpResponse } from '#platform';
import { ChatGatewayClient } from './client.js';
import { ChatGatewayDesk } from './desk.js';
import { BY_CODE } from './error-codes.js';

const KINDS = ['not-sent', 'failed', 'held', 'credentials', 'gone', 'uncertain'];

let answer: ProviderHttpResponse = { status: 500, headers: {}, body: Buffer.of() };
const desk = new ChatGatewayDesk(
  new ChatGatewayClient(
    { request: async () => answer },
    { baseUrl: 'http://desk', apiKey: 'k', tenantId: 't' },
  ),
);
const context = { timeoutMs: 1_000 };
const reference = { conversationId: 'c', attemptId: 'a' };

const effectful = {
  create: () => desk.createConversation({ channelId: 'ch', user: {}, reference }, context),
  message: () => desk.send({ deskConversationId: 'd', authorType: 'user', part: { text: 'hi' } }, context),
};
const repeatable = {
  end: () => desk.endConversation('d', context),
  read: () => desk.readConversation('d', context),
  list: () => desk.listMessages('d', 50, context),
  find: () => desk.findConversation({ channelId: 'ch', reference, createdAfter: 0 }, context),
  count: () => desk.countSent({ deskConversationId: 'd', authorType: 'user', part: { text: 'hi' } }, context),
};

/** `taken`, or the kind of the error; anything else is thrown on. */
async function outcomeOf(call: () => Promise<unknown>, next: ProviderHttpResponse): Promise<string> {
  answer = next;
  try {
    await call();
    return 'taken';
  } catch (error) {
    if (!(error instanceof DeliveryError)) throw error;
    expect(error.code).toMatch(/^[a-z]+(-[a-z0-9]+)*$/);
    expect(error.hold !== undefined).toBe(error.kind === 'held');
    expect(error.retryAfterMs).not.toBeNaN();
    return error.kind;
  }
}

const code = fc.oneof(fc.constantFrom(...Object.keys(BY_CODE), '__proto__', 'constructor', ''), fc.string());
const errors = fc.oneof(
  fc.array(fc.oneof(fc.record({ code, message: fc.string() }), fc.string(), fc.constant(null)), {
    maxLength: 3,
  }),
  fc.record({ code }),
  fc.jsonValue(),
);
const json = fc.oneof(
  fc.record({ errors, validations: errors }, { requiredKeys: [] }),
  fc.record({ _embedded: fc.jsonValue(), page: fc.jsonValue(), state: fc.jsonValue() }, { requiredKeys: [] }),
  fc.record({
    _embedded: fc.record({ messages: fc.array(fc.jsonValue()), conversations: fc.array(fc.jsonValue()) }),
  }),
  fc.jsonValue(),
);
const body = fc.oneof(
  json.map((value) => JSON.stringify(value)),
  fc.string(),
  fc.constantFrom('', '{', '<html>', '\u0000'),
);
const answers = (status: fc.Arbitrary<number>): fc.Arbitrary<ProviderHttpResponse> =>
  fc.record({
    status,
    headers: fc.dictionary(fc.constantFrom('retry-after', 'content-type', '__proto__'), fc.string()),
    body: body.map((text) => Buffer.from(text)),
  });
const anyStatus = fc.oneof(fc.integer({ min: 100, max: 599 }), fc.integer({ min: 400, max: 430 }));

describe("the Chat Gateway's answers, whatever status, headers, body and code", () => {
  const calls = Object.entries({ ...effectful, ...repeatable });

  it.each(calls)('each come to one of the closed kinds: %s', async (_, call) => {
    await fc.assert(
      fc.asyncProperty(answers(anyStatus), async (next) => {
        expect([...KINDS, 'taken']).toContain(await outcomeOf(call, next));
      }),
      { numRuns: 300 },
    );
  });

  it.each(Object.entries(effectful))(
    'are in doubt where they are a 429, 5xx or garbage: %s',
    async (name, call) => {
      const doubtful = fc.oneof(fc.integer({ min: 500, max: 599 }), fc.constantFrom(429, 408, 301));
      // A message's 2xx carries nothing that could be garbage.
      const status = name === 'create' ? fc.oneof(doubtful, fc.integer({ min: 200, max: 299 })) : doubtful;
      await fc.assert(
        fc.asyncProperty(answers(status), async (next) => {
          expect(await outcomeOf(call, next)).toBe('uncertain');
        }),
        { numRuns: 300 },
      );
    },
  );

  it.each(Object.entries(repeatable))(
    'are never in doubt where the call can be repeated: %s',
    async (_, call) => {
      await fc.assert(
        fc.asyncProperty(answers(anyStatus), async (next) => {
          expect(await outcomeOf(call, next)).not.toBe('uncertain');
        }),
        { numRuns: 300 },
      );
    },
  );
});
