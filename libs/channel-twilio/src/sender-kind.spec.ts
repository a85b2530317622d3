import { describe, expect, it } from 'vitest';
import { messagesPerSecond, senderKind } from './sender-kind.js';

const configured = { sms: 200, whatsapp: 80 };

describe('how fast a sender may send', () => {
  it.each([
    ['+15550100', 'long-code', 200],
    ['+447700900123', 'long-code', 200],
    ['+18005550100', 'toll-free', 3],
    ['+18885550100', 'toll-free', 3],
    ['+448005550100', 'long-code', 200],
    ['12345', 'short-code', 100],
    ['whatsapp:+18005550100', 'whatsapp', 80],
    [`MG${'0'.repeat(32)}`, 'messaging-service', 200],
  ] as const)('%s: a %s, %d a second', (address, kind, rate) => {
    expect(senderKind(address)).toBe(kind);
    expect(messagesPerSecond(address, configured)).toBe(rate);
  });

  it('is never more than was configured', () => {
    expect(messagesPerSecond('12345', { sms: 10, whatsapp: 10 })).toBe(10);
    expect(messagesPerSecond('+18005550100', { sms: 1, whatsapp: 10 })).toBe(1);
  });
});
