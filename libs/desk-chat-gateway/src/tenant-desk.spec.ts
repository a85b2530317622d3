import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { DeliveryError, DeskPort, type DeskCallContext } from '#core';
import type { ProviderHttp } from '#platform';
import { ChatGatewayClient } from './client.js';
import { ChatGatewayDesk } from './desk.js';
import { TenantDesk } from './tenant-desk.js';

type Request = Parameters<ProviderHttp['request']>[0];

/** The desks of two tenants, and whose credentials each call carried. */
function desksOfTwo(): { desk: TenantDesk; calls: string[] } {
  const calls: string[] = [];
  const request = ({ headers }: Request) => {
    const { 'x-api-key': apiKey, 'x-8x8-tenant': tenant } = headers ?? {};
    calls.push(`${apiKey} ${tenant}`);
    const body = Buffer.from(
      JSON.stringify({
        id: 'a',
        conversationId: 'c',
        state: 'active',
        _embedded: {},
        page: { totalPages: 0 },
      }),
    );
    return Promise.resolve({ status: 200, headers: {}, body });
  };
  const of = (name: string) =>
    new ChatGatewayDesk(
      new ChatGatewayClient(
        { request },
        { baseUrl: 'http://desk', apiKey: `${name}-key`, tenantId: `${name}01` },
      ),
    );
  return { desk: new TenantDesk(new Map(['default', 'acme'].map((id) => [id, of(id)]))), calls };
}

const file = { filename: 'a.txt', contentType: 'text/plain', bytes: 1, open: () => Readable.from(['a']) };
const reference = { conversationId: 'ours', attemptId: 'attempt' };
const part = { text: 'Hello' };
const to = { deskConversationId: 'c', authorType: 'user' } as const;

const calls: Record<string, (desk: DeskPort, context: DeskCallContext) => Promise<unknown>> = {
  upload: (desk, context) => desk.upload({ ...to, file }, context),
  createConversation: (desk, context) =>
    desk.createConversation({ channelId: '25', user: {}, reference }, context),
  findConversation: (desk, context) =>
    desk.findConversation({ channelId: '25', reference, createdAfter: 0 }, context),
  readConversation: (desk, context) => desk.readConversation('c', context),
  updateConversation: (desk, context) =>
    desk.updateConversation({ deskConversationId: 'c', queueId: '1' }, context),
  listParticipants: (desk, context) => desk.listParticipants('c', context),
  endConversation: (desk, context) => desk.endConversation('c', context),
  readReceipt: (desk, context) => desk.readReceipt({ deskConversationId: 'c', readAt: 1 }, context),
  listMessages: (desk, context) => desk.listMessages('c', 10, context),
  send: (desk, context) => desk.send({ ...to, part }, context),
  countSent: (desk, context) => desk.countSent({ ...to, part }, context),
};

describe(TenantDesk.name, () => {
  it.each(Object.keys(calls))('makes the call %s with the credentials of its tenant', async (name) => {
    const { desk, calls: seen } = desksOfTwo();
    await calls[name]?.(desk, { tenantId: 'acme', timeoutMs: 1_000 });
    expect(new Set(seen)).toEqual(new Set(['acme-key acme01']));
    await calls[name]?.(desk, { tenantId: 'default', timeoutMs: 1_000 });
    expect(seen.at(-1)).toBe('default-key default01');
  });

  it.each([...Object.keys(calls), 'fetchAttachment'])(
    'pauses a tenant that it does not know (%s)',
    async (name) => {
      const { desk, calls: seen } = desksOfTwo();
      const context = { tenantId: 'bolt', timeoutMs: 1_000 };
      const fetching = { deskConversationId: 'c', attachment: { id: 'a' }, maxBytes: 1 };
      const call = calls[name]?.(desk, context) ?? desk.fetchAttachment(fetching, context);
      await expect(call).rejects.toEqual(new DeliveryError('credentials', { code: 'unknown-tenant' }));
      expect(seen).toEqual([]);
    },
  );

  it('makes every call that a desk has', () => {
    const abstractCalls = Object.getOwnPropertyNames(ChatGatewayDesk.prototype).filter((name) =>
      Object.hasOwn(TenantDesk.prototype, name),
    );
    expect(new Set(abstractCalls)).toEqual(
      new Set(['constructor', 'render', 'fetchAttachment', ...Object.keys(calls)]),
    );
  });
});
