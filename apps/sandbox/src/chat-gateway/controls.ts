import { createHash } from 'node:crypto';
import { ControlError, type ControlInput, fileIn } from '../common/control.js';
import { fileAnswer } from '../common/http.js';
import type { SimulatorServer } from '../common/server.js';
import { registerSharedControls } from '../common/shared-controls.js';
import { type Conversation, presentAgents } from './conversation.js';
import { isWaiting } from './desk.js';
import type { AgentContent, ChatGatewaySimulator } from './simulator.js';
import { registerStaffControls } from './staff-controls.js';

/** The control API of the Chat Gateway simulator; described in the README. */
export function registerChatGatewayControls(server: SimulatorServer, simulator: ChatGatewaySimulator): void {
  const { desk } = simulator;
  const conversation = (input: ControlInput): Conversation =>
    simulator.conversation(input.params['id'] ?? '');
  const on = (action: string, handle: (found: Conversation, input: ControlInput) => void): void => {
    server.control('POST', `/conversations/:id/${action}`, (input) => {
      const found = conversation(input);
      handle(found, input);
      return view(found);
    });
  };

  registerSharedControls(server, simulator);
  registerStaffControls(server, simulator);
  server.control('GET', '/conversations', ({ query }) => ({
    items: desk.conversations.filter(({ state }) => (query.get('state') ?? state) === state).map(view),
  }));
  server.control('GET', '/conversations/:id', (input) => view(conversation(input)));
  on('accept', (found, input) => desk.accept(found, agentOf(input, found)));
  on('leave', (found, input) => {
    desk.leave(found, agentOf(input, found));
    if (input.flag('idle', false)) desk.end(found);
  });
  on('end', (found) => desk.end(found));
  on('transfer', (found, input) => {
    const queueId = input.optionalText('queueId');
    const toAgentId = input.optionalText('toAgentId');
    desk.transfer(found, {
      fromAgentId: input.optionalText('fromAgentId') ?? agentOf(input, found),
      ...(queueId === undefined ? {} : { queueId }),
      ...(toAgentId === undefined ? {} : { toAgentId }),
    });
  });
  server.control(
    'POST',
    '/conversations/:id/messages',
    (input) => {
      const found = conversation(input);
      const content = agentContent(input);
      const message = desk.sendAsAgent(
        found,
        agentOf(input, found),
        content.text,
        input.flag('force', false),
        content.keep(simulator, found),
      );
      return { id: message.id };
    },
    201,
  );
  server.control('POST', '/conversations/:id/typing', (input) => {
    const found = conversation(input);
    desk.typeAsAgent(found, agentOf(input, found), input.flag('typing', true));
  });
  server.control('POST', '/conversations/:id/forget', (input) => desk.forget(input.params['id'] ?? ''));
  server.control(
    'POST',
    '/conversations/:id/events',
    (input) => {
      const { data } = input.fields;
      const eventId = simulator.sendEvent(conversation(input), {
        ...input.optionalRecord('top'),
        eventType: input.text('eventType'),
        timestamp: input.optionalNumber('timestamp') ?? Date.now(),
        ...(data === undefined ? {} : { data }),
      });
      return { eventId };
    },
    202,
  );
  server.control(
    'POST',
    '/answer',
    (input) => {
      const content = agentContent(input);
      return simulator.answer(content.text, input.optionalText('agentId'), (found) =>
        content.keep(simulator, found),
      );
    },
    201,
  );
  server.control('GET', '/attachments/:id', ({ params }) => {
    const attachment = simulator.attachments.get(params['id'] ?? '');
    if (attachment === undefined) throw new ControlError(404, 'no such attachment');
    return fileAnswer(attachment.contentType, attachment.fileName, attachment.bytes);
  });
  server.control('POST', '/keys/rotate', async (input) => ({
    kid: await simulator.rotateKey(input.flag('retireOld', false)),
  }));
  server.control('POST', '/events/release', (input) => ({
    released: simulator.releaseEvents(input.oneOf('order', ['sent', 'reversed'], 'sent')),
  }));
}

/** The agent named, else the one who is there, else the first. */
function agentOf(input: ControlInput, conversation: Conversation): string {
  const id = input.optionalText('agentId') ?? presentAgents(conversation)[0] ?? 'agent-1';
  if (id === '') throw new ControlError(400, 'agentId must not be empty');
  return id;
}

/** Text, files and cards of an agent's message, at least one of them. */
function agentContent(input: ControlInput): {
  text: string;
  /** Keeps the files in the conversation. */
  keep: (simulator: ChatGatewaySimulator, conversation: Conversation) => AgentContent;
} {
  const files = input.records('attachments').map(fileIn);
  const cards = input.records('cards');
  const text = files.length + cards.length > 0 ? (input.optionalText('text') ?? '') : input.text('text');
  const keep = (simulator: ChatGatewaySimulator, { id }: Conversation): AgentContent => ({
    attachments: files.map((file) => simulator.attachments.add(id, file)),
    cards,
  });
  return { text, keep };
}

function view(conversation: Conversation): object {
  const { id, state, channelId, assignment, user, queueId } = conversation;
  return {
    id,
    state,
    channelId,
    assignment,
    user,
    queueId,
    agents: presentAgents(conversation),
    waiting: isWaiting(conversation),
    createdAt: new Date(conversation.createdAtMs).toISOString(),
    messages: conversation.messages.map((message) => ({
      id: message.id,
      authorType: message.authorType,
      authorId: message.authorId,
      text: message.text,
      history: message.history,
      attachments: message.attachments.map(({ id: attachmentId, fileName, contentType, bytes }) => ({
        id: attachmentId,
        fileName,
        contentType,
        sizeInBytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      })),
      cards: message.cards,
      createdAt: new Date(message.createdAtMs).toISOString(),
    })),
  };
}
