import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { InboundMessageReceived } from '#core';
import { KnownThreads } from './known-threads.js';

const thread = (n: number) => `0198c0de-0000-7000-8000-00000000000${n}`;
const message: InboundMessageReceived = {
  kind: 'inbound-message',
  tenantId: 'default',
  dedupeKey: 'key',
  providerMessageId: 'SM1',
  channel: 'sms',
  account: 'AC1',
  to: '+15550100',
  serviceId: 'MG1',
  from: '+15550123',
  aliases: [{ channel: 'sms', value: '+15550123' }],
  profileName: 'Ada',
  content: { type: 'text', text: 'a secret' },
  raw: { Body: 'a secret' },
};

describe(KnownThreads, () => {
  it('knows a thread by everything that finding it depends on', () => {
    const known = new KnownThreads();
    known.remember('v1', 'a', message, thread(1));
    const another: InboundMessageReceived = { ...message, content: { type: 'text', text: 'more' } };
    expect(known.find('a', another)).toMatchObject({
      id: thread(1),
      bytes: Buffer.from('0198c0de000070008000000000000001', 'hex'),
      tenantId: message.tenantId,
    });
    expect(known.find('b', message)).toBeUndefined();
    const changes: Partial<InboundMessageReceived>[] = [
      { tenantId: 'other' },
      { account: 'AC2' },
      { channel: 'whatsapp' },
      { to: '+1' },
      { serviceId: 'MG2' },
      { from: '+1' },
      { profileName: 'Grace' },
      { aliases: [] },
      { aliases: [{ channel: 'sms', value: '+1' }] },
      { aliases: [...message.aliases, { channel: 'sms', value: '+1' }] },
    ];
    for (const change of changes) expect(known.find('a', { ...message, ...change })).toBeUndefined();
  });

  it('keeps nothing of the message but whom it is about', () => {
    const known = new KnownThreads();
    known.remember('v1', 'a', message, thread(1));
    expect(inspect(known, { depth: 10 })).toContain('+15550123');
    expect(inspect(known, { depth: 10 })).not.toContain('a secret');
  });

  it('is true of one version only, whichever way it changes', () => {
    const known = new KnownThreads();
    expect(known.version).toBeNull();
    known.remember('v1', 'a', message, thread(1));
    known.moveTo('v1');
    expect(known.find('a', message)).toBeDefined();
    known.remember('v2', 'b', message, thread(2));
    expect([known.version, known.find('a', message)]).toEqual(['v2', undefined]);
    known.moveTo('v1');
    expect([known.version, known.find('b', message)]).toEqual(['v1', undefined]);
    known.moveTo(null);
    expect(known.version).toBeNull();
  });

  it('does not keep the bodies that names were cut out of', () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const known = new KnownThreads();
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 300; n += 1) {
      const body = Buffer.alloc(100_000, `account number ${n} `).toString('latin1');
      known.remember('v1', String(n), { ...message, account: body.slice(-40) }, thread(1));
    }
    collectGarbage();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
  });

  it('holds no more than it may, the newest', () => {
    const known = new KnownThreads(2);
    for (const n of [1, 2, 3]) known.remember('v1', String(n), message, thread(n));
    expect(['1', '2', '3'].filter((lane) => known.find(lane, message))).toEqual(['2', '3']);
  });
});
