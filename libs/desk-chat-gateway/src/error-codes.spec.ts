import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { answerError, BY_CODE, BY_STATUS, providerCodes } from './error-codes.js';
import type { Operation } from './error-codes.js';

const fixture = (name: string): unknown =>
  JSON.parse(
    readFileSync(new URL(`../../../test/fixtures/chat-gateway/${name}.json`, import.meta.url), 'utf8'),
  );

const OPERATIONS: Operation[] = ['create', 'message', 'end', 'read'];

/** Per status: kind and code for create, message, end, read. */
const statuses: Record<string, [status: number, create: string, message: string, end: string, read: string]> =
  {
    '400': [400, 'held rejected', 'failed rejected', 'failed rejected', 'failed rejected'],
    '401': [
      401,
      'credentials unauthorized',
      'credentials unauthorized',
      'credentials unauthorized',
      'credentials unauthorized',
    ],
    '403': [
      403,
      'credentials forbidden',
      'credentials forbidden',
      'credentials forbidden',
      'credentials forbidden',
    ],
    '404': [
      404,
      'held channel-not-found',
      'gone conversation-gone',
      'gone conversation-gone',
      'gone conversation-gone',
    ],
    '405': [
      405,
      'held not-supported',
      'failed not-supported',
      'failed not-supported',
      'failed not-supported',
    ],
    '408': [
      408,
      'uncertain request-timeout',
      'uncertain request-timeout',
      'not-sent request-timeout',
      'not-sent request-timeout',
    ],
    '409': [409, 'held conflict', 'gone conversation-gone', 'gone conversation-gone', 'not-sent conflict'],
    '410': [
      410,
      'held channel-not-found',
      'gone conversation-gone',
      'gone conversation-gone',
      'gone conversation-gone',
    ],
    '429': [
      429,
      'uncertain rate-limited',
      'uncertain rate-limited',
      'not-sent rate-limited',
      'not-sent rate-limited',
    ],
    '501': [
      501,
      'uncertain not-supported',
      'uncertain not-supported',
      'not-sent not-supported',
      'failed not-supported',
    ],
    '503': [
      503,
      'uncertain unavailable',
      'uncertain unavailable',
      'not-sent unavailable',
      'not-sent unavailable',
    ],
    '1xx': [
      101,
      'uncertain unexpected-answer',
      'uncertain unexpected-answer',
      'not-sent unexpected-answer',
      'not-sent unexpected-answer',
    ],
    '2xx': [
      202,
      'uncertain garbage-answer',
      'uncertain garbage-answer',
      'not-sent garbage-answer',
      'not-sent garbage-answer',
    ],
    '3xx': [
      302,
      'uncertain redirected',
      'uncertain redirected',
      'not-sent redirected',
      'not-sent redirected',
    ],
    '4xx': [418, 'held rejected', 'failed rejected', 'failed rejected', 'failed rejected'],
    '5xx': [
      500,
      'uncertain server-error',
      'uncertain server-error',
      'not-sent server-error',
      'not-sent server-error',
    ],
  };

/** Per provider code, on a 400. */
const codes: Record<string, [create: string, message: string, end: string, read: string]> = {
  invalid_queue: ['held invalid-queue', 'held invalid-queue', 'failed rejected', 'failed rejected'],
  invalid_channel: ['held invalid-channel', 'failed rejected', 'failed rejected', 'failed rejected'],
  invalid_parameter: [
    'held invalid-parameter',
    'failed invalid-parameter',
    'failed invalid-parameter',
    'failed invalid-parameter',
  ],
  invalid_json_object: [
    'held invalid-json-object',
    'failed invalid-json-object',
    'failed invalid-json-object',
    'failed invalid-json-object',
  ],
  resource_not_found: [
    'held channel-not-found',
    'gone conversation-gone',
    'gone conversation-gone',
    'gone conversation-gone',
  ],
  access_denied: [
    'credentials access-denied',
    'credentials access-denied',
    'credentials access-denied',
    'credentials access-denied',
  ],
};

function verdicts(status: number, json: unknown): string[] {
  return OPERATIONS.map((operation) => {
    const { kind, code, hold } = answerError(operation, { status, headers: {}, json }, 0);
    expect(hold).toBe(kind === 'held' ? 'configuration' : undefined);
    return `${kind} ${code}`;
  });
}

describe('answers of the Chat Gateway', () => {
  it.each(Object.values(statuses).map(([status]) => status))('%d to a signal is as to an end', (status) => {
    const to = (operation: Operation) => answerError(operation, { status, headers: {}, json: {} }, 0);
    expect(to('signal')).toEqual(to('end'));
  });

  it.each(Object.values(statuses).map(([status]) => status))(
    '%d to an update is as to an end, to a setup as to a message unless it says what is wrong',
    (status) => {
      const to = (operation: Operation) => answerError(operation, { status, headers: {}, json: {} }, 0);
      expect(to('update')).toEqual(to('end'));
      const wrong = { 404: 'not-found', 409: 'conflict', 410: 'not-found' }[status];
      if (wrong === undefined) expect(to('setup')).toEqual(to('message'));
      else expect(to('setup')).toMatchObject({ kind: 'failed', code: wrong });
    },
  );

  it.each(['setup', 'update'] as const)('a queue that is not known refuses the %s', (operation) => {
    const json = { errors: [{ code: 'invalid_queue' }] };
    expect(answerError(operation, { status: 400, headers: {}, json }, 0)).toMatchObject({
      kind: 'failed',
      code: 'invalid-queue',
    });
  });

  it('tells a tenant that is not ours from a key that may not do this, and both from what is not there', () => {
    const to = (status: number, json: unknown) => answerError('message', { status, headers: {}, json }, 0);
    expect(to(403, fixture('error-forbidden'))).toMatchObject({ kind: 'credentials', code: 'wrong-tenant' });
    expect(to(403, { message: 'No.' })).toMatchObject({ kind: 'credentials', code: 'forbidden' });
    expect(to(404, fixture('error-not-found'))).toMatchObject({ kind: 'gone', code: 'conversation-gone' });
  });

  it.each(Object.keys(BY_STATUS))('status %s', (row) => {
    const [status = 0, ...expected] = statuses[row] ?? [];
    expect(verdicts(status, undefined)).toEqual(expected);
  });

  it.each(Object.keys(BY_CODE))('code %s', (row) => {
    expect(verdicts(400, { errors: [{ code: row }] })).toEqual(codes[row]);
  });

  it('every row is expected, and only they', () => {
    expect(Object.keys(statuses).sort()).toEqual(Object.keys(BY_STATUS).sort());
    expect(Object.keys(codes).sort()).toEqual(Object.keys(BY_CODE).sort());
  });

  it.each([500, 503, 429, 408, 202])('a code does not make a doubtful %i certain', (status) => {
    expect(verdicts(status, { errors: [{ code: 'invalid_queue' }] })[0]).toMatch(/^uncertain /);
  });

  it.each([999, 0, 600])('a status nobody knows (%i) is in doubt', (status) => {
    expect(verdicts(status, undefined)).toEqual(Array(4).fill('uncertain unexpected-answer'));
  });
});

describe('error bodies', () => {
  it.each<[string, string[]]>([
    ['error-general', ['invalid_queue']],
    ['error-validation', ['invalid_queue']],
    ['error-bad-request', ['invalid_json_object']],
    ['error-unauthorized', ['access_denied']],
    ['error-resource-not-found', ['resource_not_found']],
    ['error-invalid-parameter', ['invalid_parameter']],
    ['error-not-found', []],
    ['error-forbidden', []],
  ])('%s', (name, expected) => {
    expect(providerCodes(fixture(name))).toEqual(expected);
  });

  it.each([
    undefined,
    null,
    'Internal server error.',
    7,
    [],
    { errors: 'no' },
    { errors: [null, 1, 'x', {}] },
  ])('%j holds no code', (json) => {
    expect(providerCodes(json)).toEqual([]);
  });

  it('nothing they say gets into the error but a code', () => {
    const said = 'Message "my number is +15550100" refused';
    const json = {
      message: said,
      errors: [
        { code: said, message: said },
        { code: 'invalid_parameter', message: said },
      ],
      referenceId: said,
    };
    const error = answerError('message', { status: 400, headers: {}, json }, 0);
    expect(error).toMatchObject({ kind: 'failed', providerCode: 'invalid_parameter', httpStatus: 400 });
    expect(`${error.message} ${JSON.stringify(error)} ${String(error.stack)}`).not.toContain('15550100');
  });

  it.each([
    ['7', 7000],
    ['-5', -5000],
    ['99999999', 99_999_999_000],
    ['soon', undefined],
    ['Thu, 01 Jan 1970 00:00:30 GMT', 20_000],
  ])('Retry-After %s is kept as it is', (header, retryAfterMs) => {
    const error = answerError(
      'message',
      { status: 429, headers: { 'retry-after': header }, json: undefined },
      10_000,
    );
    expect(error.retryAfterMs).toBe(retryAfterMs);
  });
});
