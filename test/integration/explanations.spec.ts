import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { botWords } from '#bot-webhook';
import { TWILIO_ERRORS, twilioWords } from '#channel-twilio';
import { CALL_REASONS, explain, OWN_REASONS, type ProviderWords } from '#core';
import { chatGatewayWords } from '#desk-chat-gateway';
import { BY_STATUS as TWILIO_BY_STATUS } from '../../libs/channel-twilio/src/outcome.js';
import { BY_CODE, BY_STATUS } from '../../libs/desk-chat-gateway/src/error-codes.js';
import { PROJECT } from '../support/project.js';

const SENTENCES = /^[A-Z].{8,}\.$/;

/** What stands between quotes after such a word in the sources: every code and reason that is written there. */
function written(pattern: string, key: RegExp): string[] {
  const sources = globSync(pattern, { cwd: PROJECT, exclude: ['**/*.spec.ts'] });
  expect(sources.length).toBeGreaterThan(0);
  return sources.flatMap((file) =>
    [...readFileSync(`${PROJECT}/${file}`, 'utf8').matchAll(key)].map(([, code = '']) => code),
  );
}

const unique = (codes: string[]) => [...new Set(codes)].sort();
const CODE = /\bcode: '([a-z-]+)'/g;

describe('a sentence', () => {
  it('is there for each reason that delivery writes', () => {
    const reasons = unique([
      ...written('libs/core/src/delivery/*.ts', /\breason: '([a-z-]+)'/g),
      ...written('libs/core/src/delivery/*.ts', /\.hold\(lane, head, '([a-z-]+)'/g),
      ...written('libs/persistence/src/migrations/*.ts', /\breason = '([a-z-]+)'/g),
      ...written('libs/core/src/delivery-error.ts', /^ {2}\| '([a-z-]+)'/gm),
    ]).filter((reason) => !['agent-left', 'idle', 'gone'].includes(reason));
    expect(reasons.length).toBeGreaterThan(10);
    for (const reason of reasons)
      expect([reason, Object.keys(OWN_REASONS)]).toEqual([reason, expect.arrayContaining([reason])]);
    for (const text of Object.values({ ...OWN_REASONS, ...CALL_REASONS })) expect(text).toMatch(SENTENCES);
  });

  it('is there for each way in which a call breaks off', () => {
    const [type = ''] = written(
      'libs/platform/src/http/provider-http-error.ts',
      /ProviderHttpErrorCode =([^;]+);/g,
    );
    const codes = [...type.matchAll(/'([a-z-]+)'/g)].map(([, code = '']) => code);
    expect(codes).toContain('connect-refused');
    expect(Object.keys(CALL_REASONS).sort()).toEqual(codes.sort());
  });

  it.each<[string, ProviderWords, string[]]>([
    [
      'libs/channel-twilio/src/*.ts',
      twilioWords,
      [
        ...[...TWILIO_ERRORS.values()].map(({ name }) => name),
        ...Object.values(TWILIO_BY_STATUS).map(({ code }) => code),
      ],
    ],
    [
      'libs/desk-chat-gateway/src/*.ts',
      chatGatewayWords,
      [...Object.values(BY_STATUS), ...Object.values(BY_CODE)].flatMap((row) =>
        Object.values(row).map(({ code }) => code),
      ),
    ],
  ])('is there for each code of %s', (pattern, words, tables) => {
    const codes = unique([...tables, ...written(pattern, CODE)]).filter(
      (code) => !Object.hasOwn(CALL_REASONS, code),
    );
    expect(codes.length).toBeGreaterThan(15);
    for (const code of codes)
      expect([code, words.reason(code)]).toEqual([code, expect.stringMatching(SENTENCES)]);
  });

  it('is there for each code of a bot', () => {
    const codes = unique([
      ...written('libs/bot-webhook/src/*.ts', /\bcode: '([a-z-]+)'/g),
      ...written('libs/bot-webhook/src/status.ts', /\b(?:again|misconfigured)\('([a-z-]+)'/g),
      ...written('libs/core/src/delivery/bot-delivery.ts', CODE),
    ]);
    expect(codes.length).toBeGreaterThan(6);
    for (const code of codes)
      expect([code, botWords.reason(code)]).toEqual([code, expect.stringMatching(SENTENCES)]);
  });

  it('is there for each code of the providers', () => {
    for (const code of TWILIO_ERRORS.keys())
      expect(twilioWords.providerCode(String(code))).toMatch(SENTENCES);
    for (const code of Object.keys(BY_CODE)) expect(chatGatewayWords.providerCode(code)).toMatch(SENTENCES);
  });
});

describe(explain.name, () => {
  it.each([
    [{ delivery: 'submitted' }, undefined],
    [{ delivery: 'sending', reason: null }, undefined],
    [{ delivery: 'open', reason: null }, undefined],
    [
      { delivery: 'open', reason: 'connect-refused' },
      'Twilio: A connection to it could not be opened. It is tried again by itself.',
    ],
    [
      { delivery: 'open', reason: 'rate-limited', providerCode: '20429' },
      'Twilio: Too many calls at once; nothing was sent. (20429) It is tried again by itself.',
    ],
    [
      { delivery: 'failed', reason: 'opted-out', providerCode: '21610' },
      'Twilio: The customer has opted out of our messages. (21610) Ask the customer, by other means, to text START to our number. Replay it once that has changed, or discard it.',
    ],
    [
      { delivery: 'failed', reason: 'not-a-mobile' },
      "Twilio: The customer's number takes no text messages. Call them instead. Replay it once that has changed, or discard it.",
    ],
    [
      { delivery: 'held', reason: 'configuration', providerCode: '21408' },
      `Twilio: Sending to this region is not enabled. (21408) Enable the region in Twilio's geographic permissions. ${OWN_REASONS.configuration}`,
    ],
    [
      { delivery: 'uncertain', reason: 'deadline' },
      'Twilio: It did not answer in time. Whether the provider has it is found out before anything is repeated.',
    ],
    [
      { delivery: 'failed', reason: 'rejected-unknown', providerCode: '99999' },
      'Twilio: It refused the message without saying why. (99999) Replay it once that has changed, or discard it.',
    ],
    [
      { delivery: 'failed', reason: 'reported-by-provider', providerCode: '88888' },
      `Twilio: A code that our table lacks. (88888) ${OWN_REASONS['reported-by-provider']}`,
    ],
    [
      { delivery: 'held', reason: 'configuration', errorCode: 'other-account' },
      `Twilio: The number belongs to no account in TWILIO_ACCOUNT_SID or TWILIO_SUBACCOUNTS. ${OWN_REASONS.configuration}`,
    ],
    [{ delivery: 'held', reason: 'quarantine' }, OWN_REASONS.quarantine],
    [
      { delivery: 'failed', reason: '__proto__' },
      'Twilio: (__proto__) Replay it once that has changed, or discard it.',
    ],
  ] as const)('says of %j: %s', (message, words) => {
    expect(explain(message, twilioWords)).toBe(words);
  });
});
