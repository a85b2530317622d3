import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readConfiguration } from '../config/read-configuration.js';
import { createLogger } from './logger.js';
import type { Logger } from './logger.js';
import { PinoLogger } from './pino-logger.js';

/** Each stands for something that must never be in a log. */
const canaries = [
  '+15550100123',
  '+1 (555) 010-0124',
  '%2B15550100125',
  'whatsapp:+15550100126',
  'whatsapp:US.13491208655302741918',
  'canary-auth-token',
  'canary-admin-key-0001',
  'canaryDbPassword',
  encodeURIComponent('canary+key/='),
  'canary+key/=',
  Buffer.from('canary-auth-token').toString('base64'),
];

function setUp(level = 'trace'): { sut: Logger; lines: () => Record<string, unknown>[]; text: () => string } {
  let text = '';
  const configuration = readConfiguration('launcher', {
    LOG_LEVEL: level,
    TWILIO_AUTH_TOKEN: 'canary-auth-token',
    ADMIN_API_KEY: 'canary-admin-key-0001',
    CHAT_GATEWAY_API_KEY: 'canary+key/=',
    DATABASE_URL: 'postgres://u:canaryDbPassword@h/d',
  });
  const sut = createLogger('worker', configuration, { write: (line: string) => void (text += line) });
  const lines = () =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { sut, lines, text: () => text };
}

describe(createLogger.name, () => {
  it('writes JSON lines with level, time, role and the fields', () => {
    const { sut, lines } = setUp();
    sut.info({ laneId: '0190', seq: 4 }, 'The lane was claimed.');
    expect(lines()).toMatchObject([
      { level: 'info', role: 'worker', laneId: '0190', seq: 4, msg: 'The lane was claimed.' },
    ]);
    expect(lines()[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  it('heeds the level', () => {
    const { sut, lines } = setUp('warn');
    sut.info('no');
    sut.warn('yes');
    expect(lines().map(({ msg }) => msg)).toEqual(['yes']);
  });

  it.each(canaries)('lets %j through nowhere', (canary) => {
    const { sut, lines, text } = setUp();
    const error = Object.assign(new Error(`bad ${canary}.`, { cause: new TypeError(`deep ${canary}`) }), {
      code: `E ${canary}`,
      config: { headers: { authorization: canary } },
      response: { data: canary },
    });
    sut.info(`a sentence with ${canary} in it`);
    sut.info({ note: `x${canary}`, list: [{ deep: { deeper: canary } }], [canary]: 1 }, 'fields');
    sut.info('a %s of %j', canary, { canary });
    sut.error(error);
    sut.error({ err: error });
    sut.error({ failure: error, err: error }, `with ${canary}`);
    sut.error(error, 'with %s', canary);
    sut.child({ bound: canary }).info('from a child');
    const nest = new PinoLogger(sut);
    nest.log(`nest ${canary}`, 'Context');
    nest.error(error, 'Context');
    nest.error(`nest ${canary}`, error.stack, 'Context');
    nest.warn({ odd: canary });
    expect(lines()).toHaveLength(12);
    expect(text()).not.toContain(canary);
    expect(text()).not.toContain('5550100');
  });

  it.each(['authorization', 'Cookie', 'X-Twilio-Signature', 'x-8x8-signature', 'x-api-key', 'body', 'text'])(
    'withholds the field %s, wherever it stands',
    (field) => {
      const { sut, text } = setUp();
      sut.info({ [field]: 'canary', deep: [{ [field]: { text: 'canary' } }] }, 'fields');
      sut.child({ [field]: 'canary' }).info('bound');
      expect(text()).not.toContain('canary');
      expect(text()).toContain('[withheld]');
    },
  );

  it.each(['from', 'to', 'phone', 'address', 'profileName', 'content'])('withholds the field %s', (field) => {
    const { sut, text } = setUp();
    sut.info({ [field]: 'Canary Smith' }, 'fields');
    expect(text()).not.toContain('Canary');
  });

  it('describes an error by type, message, code, stack and cause, and by nothing that hangs on it', () => {
    class QueryFailedError extends Error {
      code = '23505';
      parameters = ['hello canary'];
      driverError = { detail: 'Key (text)=(hello canary)' };
    }
    const { sut, lines, text } = setUp();
    sut.error(
      { err: new QueryFailedError('duplicate key', { cause: new Error('why') }) },
      'The query failed.',
    );
    expect(lines()[0]).toMatchObject({
      msg: 'The query failed.',
      err: { type: 'QueryFailedError', message: 'duplicate key', code: '23505', cause: { message: 'why' } },
    });
    expect(inspect(lines()[0])).toContain('logger.spec.ts');
    expect(text()).not.toContain('canary');
  });

  it('takes whatever it is given', () => {
    const { sut, lines } = setUp();
    const circular: Record<string, unknown> = { big: 10n, bytes: Buffer.from('canary'), when: new Date(0) };
    circular['self'] = circular;
    Object.defineProperty(circular, 'broken', {
      enumerable: true,
      get: () => {
        throw new Error('no');
      },
    });
    sut.info(circular, 'odd');
    expect(lines()[0]).toMatchObject({ big: '10', bytes: '[6 bytes]', when: '1970-01-01T00:00:00.000Z' });
  });
});

describe(PinoLogger.name, () => {
  it('keeps the context, the stack and the level', () => {
    const { sut, lines } = setUp();
    const nest = new PinoLogger(sut);
    const error = new Error('broken');
    nest.log('Started', 'NestFactory');
    nest.error('Failed', error.stack, 'Injector');
    nest.error(error, 'Injector');
    nest.verbose('small');
    nest.warn('The queue is slow.', { queue: 'inbound' }, 'Queueing');
    expect(lines()).toMatchObject([
      { level: 'debug', context: 'NestFactory', msg: 'Started' },
      { level: 'error', context: 'Injector', msg: 'Failed', stack: error.stack },
      { level: 'error', context: 'Injector', msg: 'broken', err: { message: 'broken' } },
      { level: 'trace', msg: 'small' },
      { level: 'warn', context: 'Queueing', queue: 'inbound', msg: 'The queue is slow.' },
    ]);
  });
});
