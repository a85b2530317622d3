import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeliveryError } from '#core';
import { ProviderHttp, type ProviderHttpResponse } from '#platform';
import { TWILIO_ERRORS } from './error-codes.js';
import { TwilioChannel } from './sender.js';

const KINDS = ['not-sent', 'failed', 'held', 'credentials', 'gone', 'uncertain'];

/** Answers whatever comes next. */
class ScriptedHttp extends ProviderHttp {
  answer: ProviderHttpResponse = { status: 500, headers: {}, body: Buffer.of() };

  override async request(): Promise<ProviderHttpResponse> {
    return this.answer;
  }
}

const http = new ScriptedHttp();
const channel = new TwilioChannel(http, {
  accountSid: 'AC1',
  username: 'AC1',
  password: 'secret',
  apiBaseUrl: 'http://127.0.0.1:1',
  publicBaseUrl: 'https://causeway.example',
});

/** What a sent message came to: `submitted`, or the kind of the error; anything else is thrown on. */
async function outcomeOf(answer: ProviderHttpResponse): Promise<{ kind: string; error?: DeliveryError }> {
  http.answer = answer;
  try {
    await channel.send(
      {
        number: { address: '+15550100', account: 'AC1' },
        to: '+15550199',
        part: { text: 'hello' },
        attempt: { messageId: 'm', attemptId: 'a' },
      },
      { timeoutMs: 1_000 },
    );
    return { kind: 'submitted' };
  } catch (error) {
    if (!(error instanceof DeliveryError)) throw error;
    return { kind: error.kind, error };
  }
}

const code = fc.oneof(
  fc.constantFrom(...TWILIO_ERRORS.keys()),
  fc.integer({ min: -10, max: 100_000 }),
  fc.constantFrom('21610', '', 'x', null, {}, [], 1e300, '__proto__'),
);
const json = fc.oneof(
  fc.record(
    { code, message: fc.string(), status: fc.integer(), more_info: fc.string() },
    { requiredKeys: [] },
  ),
  fc.record({ sid: fc.string(), status: fc.string() }),
  fc.jsonValue(),
);
const body = fc.oneof(
  json.map((value) => JSON.stringify(value)),
  json.map((value) => JSON.stringify(value).slice(0, -1)),
  fc.string(),
  fc.constantFrom('', '<html>Bad gateway</html>', '\u0000', 'null', '{', `{"code":21610}{"code":21610}`),
);
const answers = (status: fc.Arbitrary<number>): fc.Arbitrary<ProviderHttpResponse> =>
  fc.record({
    status,
    headers: fc.dictionary(fc.constantFrom('retry-after', 'content-type', 'x', '__proto__'), fc.string()),
    body: body.map((text) => Buffer.from(text)),
  });
const anyStatus = fc.oneof(fc.integer({ min: 100, max: 599 }), fc.integer({ min: 400, max: 430 }));

describe("Twilio's answers, whatever status, headers, body and code", () => {
  it('each come to one of the closed kinds, a hold with its reason', async () => {
    await fc.assert(
      fc.asyncProperty(answers(anyStatus), async (answer) => {
        const { kind, error } = await outcomeOf(answer);
        expect(KINDS).toContain(kind);
        expect(error?.code).toMatch(/^[a-z]+(-[a-z0-9]+)*$/);
        expect(error?.hold !== undefined).toBe(kind === 'held');
        expect(error?.retryAfterMs).not.toBeNaN();
      }),
      { numRuns: 500 },
    );
  });

  it('are in doubt where they are a 5xx or a 2xx that is none of Twilio’s', async () => {
    const status = fc.oneof(fc.integer({ min: 500, max: 599 }), fc.integer({ min: 200, max: 299 }));
    await fc.assert(
      fc.asyncProperty(answers(status), async (answer) => {
        expect((await outcomeOf(answer)).kind).toBe('uncertain');
      }),
      { numRuns: 500 },
    );
  });

  it('say that nothing was sent where they are a 429', async () => {
    await fc.assert(
      fc.asyncProperty(answers(fc.constant(429)), async (answer) => {
        expect((await outcomeOf(answer)).kind).toBe('not-sent');
      }),
    );
  });

  it('are taken for a message only with its sid', async () => {
    const sid = `SM${'a'.repeat(32)}`;
    const taken = await outcomeOf({
      status: 201,
      headers: {},
      body: Buffer.from(JSON.stringify({ sid, status: 'queued' })),
    });
    expect(taken.kind).toBe('submitted');
  });
});
