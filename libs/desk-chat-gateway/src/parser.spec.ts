import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveState, mergeFacts, WebhookRefusedError } from '#core';
import type { ConversationFacts, DeskEventReceived } from '#core';
import { isVerification, parseEvent } from './parser.js';

const FIXTURES = new URL('../../../test/fixtures/chat-gateway/', import.meta.url);
const fixture = (name: string): Buffer => readFileSync(new URL(`${name}.json`, FIXTURES));

const AT = 1_713_100_000_000;
/** The older samples carry 0 for a time; what counts then is when they were sent. */
const SENT = 1_713_100_000_500;
const envelope = { tenantId: 'default', eventId: 'ev-1', transmittedAt: SENT };

const parse = (event: unknown) => parseEvent(Buffer.from(JSON.stringify(event)), envelope);
const withData = (eventType: string, data: unknown, more: object = {}) =>
  parse({ eventType, conversationId: 'ID-0', timestamp: AT, data, ...more }).event;

describe('the provider’s own samples', () => {
  const attachment = {
    id: 'att-001',
    url: 'https://storage.example.com/attachments/att-001?signature=abc',
    contentType: 'image',
    filename: 'screenshot.png',
  };
  const card = { contentType: 'application/vnd.microsoft.card.adaptive', content: {} };
  const agent = (id: string, known: object): ConversationFacts => ({ agents: { [id]: known } });

  const table: Record<string, Partial<DeskEventReceived>> = {
    'conversation-update': {
      facts: {
        state: { value: 'active', at: AT },
        assignment: { value: { type: 'agent', id: 'agent-abc-123' }, at: AT },
        ...agent('agent-abc-123', {}),
      },
    },
    queued: { facts: { queue: { value: 'queue-abc-123', at: AT } } },
    'members-changed': { facts: agent('agent-abc-123', { joinedAt: AT }) },
    transfer: { facts: { transferAt: AT } },
    message: {
      facts: agent('agent-abc-123', {}),
      message: {
        authorType: 'agent',
        authorId: 'agent-abc-123',
        content: {
          type: 'card',
          text: 'Hello, how can I help you?',
          cards: [card],
          attachments: [attachment],
        },
      },
    },
    'activity-typing': { facts: {}, typing: { present: true } },
    'activity-typing-stopped': { facts: {}, typing: { present: false } },
    'activity-adaptive-card': { facts: {} },
    'activity-quick-reply': { facts: {} },
    'activity-read-receipts': { facts: {} },
    'activity-interactive-reply': { facts: {} },
    'older-message': {
      facts: {},
      message: {
        authorType: 'unknown',
        authorId: 'string',
        content: { type: 'card', text: 'string', cards: [card], attachments: [{ id: 'string' }] },
      },
    },
    'older-queued': { facts: { queue: { value: 'string', at: SENT } } },
    'older-agent-joined': { facts: agent('string', { joinedAt: SENT, name: 'string' }) },
    'older-agent-left': { facts: agent('string', { leftAt: SENT, name: 'string' }) },
    'older-transfer': { facts: { transferAt: SENT } },
    'older-text': {
      facts: agent('string', {}),
      message: { authorType: 'agent', authorId: 'string', content: { type: 'text', text: 'string' } },
    },
    'guide-queued': { facts: { queue: { value: 'string', at: SENT } } },
    'guide-agent-joined': { facts: agent('string', { joinedAt: SENT, name: 'string' }) },
    // It breaks off before what it says.
    'guide-message': { facts: {} },
    'guide-activity-typing': { facts: {}, typing: { present: true } },
  };

  it.each(Object.entries(table))('%s', (name, expected) => {
    const body = fixture(name);
    const { event, odd } = parseEvent(body, envelope);
    const given: { eventType: string; timestamp: number } = JSON.parse(body.toString());
    expect(odd).toBeUndefined();
    expect(event).toStrictEqual({
      kind: 'desk-event',
      tenantId: 'default',
      eventId: 'ev-1',
      bodyDigest: createHash('sha256').update(body).digest('hex'),
      deskConversationId: 'ID-0',
      type: given.eventType,
      occurredAt: given.timestamp || SENT,
      raw: body.toString(),
      ...expected,
    });
  });

  it('each have a row', () => {
    const events = readdirSync(FIXTURES)
      .filter((file) => file.endsWith('.json'))
      .map((file) => file.replace('.json', ''))
      .filter(
        (name) => 'eventType' in JSON.parse(fixture(name).toString()) && !name.includes('web-hook-verify'),
      );
    expect(Object.keys(table).sort()).toEqual(events.sort());
  });
});

describe('who wrote', () => {
  it.each([
    ['agent', 'agent'],
    ['user', 'user'],
    ['bot', 'bot'],
    ['', 'unknown'],
    ['AGENT', 'unknown'],
    ['system', 'unknown'],
    [undefined, 'unknown'],
    ['constructor', 'unknown'],
  ])('sender type %j → %s, whatever isEcho says', (type, authorType) => {
    for (const isEcho of [true, false, undefined]) {
      const event = withData('MESSAGE', { isEcho, sender: { id: 'x', type }, text: 'hi' });
      expect(event?.message).toEqual({ authorType, authorId: 'x', content: { type: 'text', text: 'hi' } });
    }
  });

  it('a message without a sender is somebody’s', () => {
    expect(withData('MESSAGE', { text: 'hi' })?.message).toEqual({
      authorType: 'unknown',
      content: { type: 'text', text: 'hi' },
    });
  });

  it('an announcement of nothing is an event, not a message', () => {
    const event = withData('MESSAGE', {
      sender: { id: 'x', type: 'agent' },
      text: '',
      attachments: [],
      cards: [],
    });
    expect(event?.message).toBeUndefined();
    expect(event?.type).toBe('MESSAGE');
  });

  it('attachments alone are a message', () => {
    const event = withData('MESSAGE', {
      sender: { type: 'agent' },
      attachments: [{ id: 'a1', type: 'file' }],
    });
    expect(event?.message?.content).toEqual({
      type: 'attachments',
      attachments: [{ id: 'a1', contentType: 'file' }],
    });
  });
});

describe('who is there', () => {
  it('a user who joins or leaves is no agent', () => {
    for (const change of ['joined', 'left']) {
      expect(withData('MEMBERS_CHANGED', { memberType: 'user', change, id: 'u' })?.facts).toEqual({});
    }
  });

  it('an assigned agent is known of but does not count as present', () => {
    const left = withData(
      'MEMBERS_CHANGED',
      { memberType: 'agent', change: 'left', id: 'A' },
      { timestamp: AT - 1 },
    );
    const update = withData('CONVERSATION_UPDATE', {
      state: 'active',
      assignment: { type: 'agent', id: 'A' },
    });
    const derived = deriveState(mergeFacts(left?.facts ?? {}, update?.facts ?? {}));
    expect(derived).toMatchObject({ hadAgent: true, lastAgentLeftAt: AT - 1 });
    expect(derived.agentId).toBeUndefined();
  });

  it('an assigned queue says nothing that could hide an agent’s leaving', () => {
    const assignment = { type: 'queue', id: '101' };
    const facts = withData('CONVERSATION_UPDATE', { state: 'active', assignment })?.facts ?? {};
    expect(facts).toEqual({ state: { value: 'active', at: AT }, assignment: { value: assignment, at: AT } });
    const left = { agents: { A: { joinedAt: 1, leftAt: AT - 1 } } };
    expect(deriveState(mergeFacts(left, facts))).toMatchObject({ queueId: '101', lastAgentLeftAt: AT - 1 });
  });

  it.each(['script', 'webhook', 'bot'])('an assigned %s follows the agents, and is no agent', (type) => {
    expect(withData('CONVERSATION_UPDATE', { assignment: { type, id: 7, resourceId: 'r' } })?.facts).toEqual({
      assignment: { value: { type, id: '7' }, at: AT },
      postAgentAt: AT,
    });
  });

  it.each([[undefined], [''], [{}], ['x'.repeat(257)]])('an assignment to %j is none', (type) => {
    expect(withData('CONVERSATION_UPDATE', { assignment: { type, id: '7' } })?.facts).toEqual({});
  });

  it('a change nobody knows yet leaves only the acquaintance', () => {
    expect(withData('MEMBERS_CHANGED', { memberType: 'agent', change: 'paused', id: 'A' })?.facts).toEqual({
      agents: { A: {} },
    });
  });
});

describe('our reference', () => {
  const ids = ['0191b3c4-0000-7000-8000-00000000000a', '0191b3c4-0000-7000-8000-00000000000b'] as const;
  const update = (additionalProperties: unknown) =>
    withData('CONVERSATION_UPDATE', { state: 'created', user: { additionalProperties } })?.create;

  it('is found among other properties', () => {
    const value = ids.join('.');
    expect(
      update([
        { key: 'Intent', value: 'balance' },
        { key: 'causeway-ref', value, id: 3 },
      ]),
    ).toEqual({
      conversationId: ids[0],
      attemptId: ids[1],
    });
  });

  it.each([
    ['another key', [{ key: ' causeway-ref', value: ids.join('.') }]],
    ['another form', [{ key: 'causeway-ref', value: ids.join('/') }]],
    ['more than it', [{ key: 'causeway-ref', value: `${ids.join('.')} ` }]],
    ['no text', [{ key: 'causeway-ref', value: { toString: 1 } }]],
    ['no list', { key: 'causeway-ref', value: ids.join('.') }],
    ['nothing', null],
  ])('is not found in %s', (_name, properties) => {
    expect(update(properties)).toBeUndefined();
  });
});

describe('what is passed on verbatim', () => {
  it('ids with leading spaces, e-mails that are none, odd texts', () => {
    const text = ' \u202eabc\r\n\u0000\ud800 <b>&amp;</b> ';
    const sent = {
      eventType: 'MESSAGE',
      conversationId: ' 123',
      timestamp: AT,
      data: { sender: { id: ' a', type: 'agent' }, text },
    };
    const { event } = parse(sent);
    expect(event?.deskConversationId).toBe(' 123');
    expect(event?.message).toEqual({ authorType: 'agent', authorId: ' a', content: { type: 'text', text } });
    expect(event?.raw).toBe(JSON.stringify(sent));
    const email = withData('CONVERSATION_UPDATE', { user: { email: '[email protected]' } });
    expect(email?.raw).toContain('[email protected]');
  });

  it('agents with names that every object inherits', () => {
    for (const id of ['__proto__', 'constructor']) {
      const facts = withData('MEMBERS_CHANGED', { memberType: 'agent', change: 'joined', id })?.facts;
      expect(Object.entries(facts?.agents ?? {})).toEqual([[id, { joinedAt: AT }]]);
    }
  });

  it('members of a prototype are data', () => {
    const body = Buffer.from(
      '{"__proto__":{"eventType":"QUEUED"},"conversationId":"ID-0","data":{"__proto__":{"queueId":"1"}}}',
    );
    const { event, odd } = parseEvent(body, envelope);
    expect(odd).toBe('unknown-type');
    expect(event?.facts).toEqual({});
  });
});

describe('what is unknown', () => {
  it('types are taken, stored and counted', () => {
    const { event, odd } = parse({
      eventType: 'SURVEY_SENT',
      conversationId: 'ID-0',
      timestamp: AT,
      data: { a: [1] },
    });
    expect(odd).toBe('unknown-type');
    expect(event).toMatchObject({ type: 'SURVEY_SENT', facts: {}, occurredAt: AT });
  });

  it.each([['toString'], ['__proto__'], [''], [undefined], [null], [{}]])('type %j too', (eventType) => {
    const { event, odd } = parse({ eventType, conversationId: 'ID-0' });
    expect([odd, event?.facts]).toEqual(['unknown-type', {}]);
  });

  it.each(['MESSAGE', 'QUEUED', 'SURVEY_SENT'])(
    'conversations: %s is taken and counted, there is nothing to store it under',
    (eventType) => {
      for (const conversationId of [undefined, null, '', {}, []]) {
        const { event, odd } = parse({ eventType, conversationId, data: { text: 'hi' } });
        expect(event).toBeUndefined();
        expect(odd).toBe(eventType === 'SURVEY_SENT' ? 'unknown-type' : 'no-conversation');
      }
    },
  );

  it.each([undefined, null, 'soon', 0, -1, 1e300, NaN, SENT + 300_001, {}])(
    'times: %j is when it was sent',
    (timestamp) => {
      expect(withData('TRANSFER', undefined, { timestamp })?.facts).toEqual({ transferAt: SENT });
    },
  );

  it('times as texts are times', () => {
    expect(withData('TRANSFER', undefined, { timestamp: String(AT) })?.occurredAt).toBe(AT);
  });

  it('shapes never throw', () => {
    const eventType = fc.constantFrom(
      'CONVERSATION_UPDATE',
      'QUEUED',
      'MEMBERS_CHANGED',
      'AGENT_JOINED',
      'TEXT',
      'MESSAGE',
      'ACTIVITY',
      'X',
    );
    fc.assert(
      fc.property(
        eventType,
        fc.jsonValue({ maxDepth: 4 }),
        fc.jsonValue({ maxDepth: 2 }),
        (type, data, more) => {
          const rest = typeof more === 'object' && !Array.isArray(more) ? more : {};
          expect(() => parse({ ...rest, eventType: type, conversationId: 'ID-0', data })).not.toThrow();
        },
      ),
    );
  });
});

describe('typing', () => {
  const typing = (value: unknown, more: object = {}) =>
    withData('ACTIVITY', { name: 'typing', value }, more)?.typing;

  it.each<[string, unknown, boolean]>([
    ['the customer', { users: [{ type: 'user', id: 'u' }] }, false],
    ['the customer and an agent', { users: [{ type: 'user' }, { type: 'agent', id: 'a' }] }, true],
    ['nobody', { users: [] }, false],
    ['something else', { users: 'agent' }, false],
    ['nothing', undefined, false],
  ])('of %s', (_who, value, present) => {
    expect(typing(value)).toEqual({ present });
  });

  it('is not told of an event that comes long after it was', () => {
    const value = { users: [{ type: 'agent', id: 'a' }] };
    expect(typing(value, { timestamp: SENT - 10_000 })).toEqual({ present: true });
    expect(typing(value, { timestamp: SENT - 10_001 })).toBeUndefined();
  });
});

describe('what is refused', () => {
  const deep = (depth: number) => `{"conversationId":"ID-0","data":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  it.each<[string, Buffer | string]>([
    ['nothing', ''],
    ['no JSON', '<xml/>'],
    ['half of it', '{"eventType":"MESSAGE"'],
    ['a list', '[]'],
    ['a text', '"MESSAGE"'],
    ['null', 'null'],
    ['bytes that are no UTF-8', Buffer.from([123, 34, 255, 34, 125])],
    ['a hundred thousand levels', deep(100_000)],
    ['an id without end', JSON.stringify({ eventType: 'MESSAGE', conversationId: 'x'.repeat(257) })],
    ['a type without end', JSON.stringify({ eventType: 'x'.repeat(257), conversationId: 'ID-0' })],
  ])('%s', (_name, body) => {
    expect(() => parseEvent(Buffer.from(body), envelope)).toThrow(WebhookRefusedError);
  });

  it('brackets inside texts are not levels', () => {
    const text = `${'[{'.repeat(500)}\\"`;
    expect(withData('MESSAGE', { sender: { type: 'agent' }, text })?.message?.content).toEqual({
      type: 'text',
      text,
    });
    expect(parseEvent(Buffer.from(deep(98)), envelope).event).toBeDefined();
  });
});

describe('the verification of an address', () => {
  it.each(['web-hook-verify', 'older-web-hook-verify'])('is known: %s', (name) => {
    expect(isVerification(fixture(name))).toBe(true);
  });

  it.each([
    ['more than it', { eventType: 'WEB_HOOK_VERIFY', notificationVersion: 'v', conversationId: 'ID-0' }],
    ['data', { eventType: 'WEB_HOOK_VERIFY', data: {} }],
    ['a version that is no text', { eventType: 'WEB_HOOK_VERIFY', notificationVersion: { text: 'hi' } }],
    ['another event that names it', { eventType: 'MESSAGE', notificationVersion: 'WEB_HOOK_VERIFY' }],
    ['a long one', { eventType: 'WEB_HOOK_VERIFY', notificationVersion: 'x'.repeat(1024) }],
  ])('is not %s', (_name, event) => {
    expect(isVerification(Buffer.from(JSON.stringify(event)))).toBe(false);
  });

  it('is nothing when it comes signed and with more', () => {
    expect(parse({ eventType: 'WEB_HOOK_VERIFY', tenantId: 'x' })).toEqual({});
  });
});
