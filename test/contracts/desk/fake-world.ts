import { randomUUID } from 'node:crypto';
import {
  DeliveryError,
  MediaRefusedError,
  type Attachment,
  type DeliveryErrorKind,
  type HoldReason,
  type MessageContent,
  type WebhookRequest,
} from '#core';
import { FAKE_SIGNATURE, FakeDeskDoor, fakeWebhook, type FakeDeskPost } from '../../support/fake-doors.js';
import { FakeDesk, type FakeConversation, type Outcome, type Script } from '../../support/fakes.js';
import {
  RETRY_AFTER_MS,
  type AgentMessage,
  type Call,
  type DeskWorld,
  type Mood,
  type ShownConversation,
} from './world.js';

const QUEUES = ['100', '200'] as const;
const PATH = '/webhooks/fake/desk';

/** The fake that core's own tests deliver to, before the desk that it is itself. */
export async function startFakeDeskWorld(desk = new FakeDesk()): Promise<DeskWorld> {
  const scripts: Record<Call, Script[]> = {
    create: [desk.creates],
    find: [desk.finds],
    read: [desk.reads],
    participants: [desk.rolls],
    message: [desk.sends],
    messages: [desk.lists, desk.counts],
    end: [desk.ends],
    upload: [desk.uploads],
    fetch: [desk.fetches],
    'read-receipt': [desk.receipts],
    update: [desk.updates],
    card: [desk.submissions],
    'hand-back': [desk.handBacks],
    thinking: [desk.thinkings],
  };
  const announced = new Map<string, number>();
  const known = (id: string): FakeConversation => {
    const found = desk.conversation(id);
    if (!found) throw new Error(`There is no conversation ${id}.`);
    return found;
  };
  const post = (deskConversationId: string, type: string, rest: Partial<FakeDeskPost> = {}): WebhookRequest =>
    fakeWebhook(PATH, { eventId: randomUUID(), deskConversationId, type, occurredAt: now(), ...rest });
  /** What was sent through the port and has not been announced. */
  const posted = async (): Promise<WebhookRequest[]> =>
    desk.conversations.flatMap(({ id, messages }) => {
      const fresh = messages.slice(announced.get(id) ?? 0);
      announced.set(id, messages.length);
      return fresh.map(({ authorType, text }) =>
        post(id, 'message', { message: { authorType, content: { type: 'text', text } } }),
      );
    });
  const moves = (id: string, agent: string, present: boolean): WebhookRequest => {
    const { participants = [] } = known(id);
    known(id).participants = [
      ...participants.filter((one) => one.id !== agent),
      { id: agent, type: 'agent', present },
    ];
    const at = now();
    return post(id, present ? 'joined' : 'left', {
      occurredAt: at,
      facts: { agents: { [agent]: present ? { joinedAt: at } : { leftAt: at } } },
    });
  };
  const queues = (id: string, queueId: string): WebhookRequest => {
    known(id).queueId = queueId;
    return post(id, 'queued', { facts: { queue: { value: queueId, at: now() } } });
  };
  return {
    desk,
    tenantId: 'tenant',
    door: new FakeDeskDoor(),
    signatureHeader: FAKE_SIGNATURE,
    secrets: ['fake-webhook-secret'],
    channelId: 'channel',
    webhookId: 'webhook',
    queues: QUEUES,
    next: (call, mood) => {
      if (mood === 'has-none') desk.counting = false;
      else for (const script of scripts[call]) script.next(outcomeOf(call, mood));
    },
    calls: (call) => scripts[call].reduce((sum, { played }) => sum + played, 0),
    conversations: () => desk.conversations.map((one) => shownBy(desk, one)),
    opens: async (id) => {
      const conversation = known(id);
      conversation.state = 'active';
      const { reference, assignment } = conversation.request;
      const queueId = assignment?.id ?? QUEUES[0];
      const state = { value: 'active' as const, at: now() };
      return [post(id, 'state', { facts: { state }, create: reference }), queues(id, queueId)];
    },
    joins: async (id, agent) => [moves(id, agent, true)],
    leaves: async (id, agent) => [moves(id, agent, false)],
    transfers: async (id, agent, queueId) => [
      post(id, 'transfer', { facts: { transferAt: now() } }),
      moves(id, agent, false),
      queues(id, queueId),
    ],
    writes: async (id, agent, message) => {
      const content = contentOf(desk, message);
      known(id).messages.push({
        authorType: 'agent',
        text: message.text ?? '',
        content,
        attachmentIds: attachmentsOf(content).flatMap((one) => one.id ?? []),
      });
      announced.set(id, known(id).messages.length);
      return [post(id, 'message', { message: { authorType: 'agent', authorId: agent, content } })];
    },
    types: async (id, _agent, present) => [post(id, 'typing', { typing: { present } })],
    ends: async (id) => {
      known(id).state = 'idle';
      return [post(id, 'state', { facts: { state: { value: 'idle', at: now() } } })];
    },
    posted,
    strange: async (id) => fakeWebhook(PATH, { ...parsed(post(id, 'hologram')), depth: 3 }),
    unusable: () => [
      fakeWebhook(PATH, {}),
      fakeWebhook(PATH, { eventId: 'x', type: 'queued', deskConversationId: 'x'.repeat(1_000) }),
    ],
    repeats: (request) => request,
    forgets: (id) => {
      const conversation = known(id);
      conversation.state = 'gone';
      delete conversation.queueId;
    },
    close: () => Promise.resolve(),
  };
}

let clock = 0;

/** Two events of this desk never have one time. */
function now(): number {
  clock = Math.max(clock + 1, Date.now());
  return clock;
}

function parsed(request: WebhookRequest): Record<string, unknown> {
  return JSON.parse(request.body.toString()) as Record<string, unknown>;
}

function contentOf(desk: FakeDesk, { text, file, card }: AgentMessage): MessageContent {
  const withText = text === undefined ? {} : { text };
  if (card !== undefined) return { type: 'card', ...withText, cards: [{ content: card }] };
  if (!file) return { type: 'text', text: text ?? '' };
  const id = `agent-file-${desk.agentFiles.size + 1}`;
  desk.agentFiles.set(id, file.bytes);
  return { type: 'attachments', ...withText, attachments: [{ id, filename: file.filename }] };
}

function attachmentsOf(content: MessageContent): Attachment[] {
  return 'attachments' in content ? (content.attachments ?? []) : [];
}

function shownBy(desk: FakeDesk, conversation: FakeConversation): ShownConversation {
  const {
    id,
    request,
    state,
    messages,
    readAt,
    queueId = request.assignment?.id ?? QUEUES[0],
  } = conversation;
  const handedBack = desk.handedBack.find((one) => one.deskConversationId === id);
  return {
    id,
    channelId: request.channelId,
    user: request.user,
    queueId,
    history: [...(request.history ?? [])],
    messages: messages.map(({ authorType, text, attachmentIds = [] }) => ({
      authorType: authorType === 'unknown' ? 'user' : authorType,
      text,
      files: desk.files
        .filter((file) => attachmentIds.includes(file.id))
        .map(({ filename, bytes }) => ({ filename, bytes })),
    })),
    over: state === 'idle' || state === 'gone',
    ...(readAt !== undefined && { readAt }),
    ...(handedBack && { handsBackTo: handedBack.webhookId }),
    thinking: desk.thoughts.flatMap((one) => (one.deskConversationId === id ? [one.seconds] : [])),
  };
}

/** The fake has no wire, so what a real adapter makes of an answer is said here. */
function outcomeOf(call: Call, mood: Exclude<Mood, 'has-none'>): Outcome {
  const accepts = mood.endsWith('having-taken');
  const throws = (kind: DeliveryErrorKind, code: string, hold?: HoldReason): Outcome => ({
    accepts,
    throws: new DeliveryError(kind, { code, hold }),
  });
  const unknown = call === 'create' || call === 'message' ? 'uncertain' : 'not-sent';
  switch (mood) {
    case 'unreachable':
      return { ...throws('not-sent', 'connect-refused'), connects: false };
    case 'rate-limits':
      return {
        accepts,
        throws: new DeliveryError(unknown, { code: 'rate-limited', retryAfterMs: RETRY_AFTER_MS }),
      };
    case 'refuses-credentials':
      return throws('credentials', 'credentials-refused');
    case 'rejects':
    case 'rejects-queue':
      if (call === 'upload') return { accepts, throws: new MediaRefusedError({ refused: 'not-taken' }) };
      return call === 'create' ? throws('held', 'rejected', 'configuration') : throws('failed', 'rejected');
    case 'is-gone':
      return throws('gone', 'conversation-gone');
    default:
      return throws(unknown, 'unreadable-answer');
  }
}
