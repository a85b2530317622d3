import type { ChatGatewaySimulator } from '../chat-gateway/simulator.js';
import { type Conversation, type DeskMessage, presentAgents } from '../chat-gateway/conversation.js';
import { isWaiting } from '../chat-gateway/desk.js';
import { languageOf } from '../chat-gateway/languages.js';
import { type DeskAgent, whyNotOffered } from '../chat-gateway/staff.js';
import { ControlError } from '../common/control.js';
import type { KnownConversation } from './bridge.js';
import { showCard } from './cards.js';
import { showCustomer } from './customer-view.js';
import { fileView, type StoredFile } from './files.js';
import { ReadReceipts } from './read-receipts.js';
import type { Agent, BridgeLink, DeskConversation, DeskMessageView, DeskState } from './state.js';

const MAX_SHOWN = 60;
const MAX_MESSAGES = 50;
const MAX_TEXT = 10_000;
const MAX_FILES = 10;
const MAX_CARDS = 5;
/** Who says nothing more about typing has stopped. */
const TYPING_MS = 8_000;

/** What an agent sends, at least one of it. */
export interface AgentMessage {
  text: string;
  attachments: { contentType: string; fileName?: string; bytes: Buffer }[];
  /** `{ contentType, content }`, as the Chat Gateway takes them. */
  cards: Record<string, unknown>[];
}

/** Links the messages of one conversation, oldest first, with those of the bridge. */
export type LinkConversation = (
  conversationId: string,
  messages: readonly DeskMessageView[],
) => ReadonlyMap<string, BridgeLink>;

/** The agents' side as the page shows it, and what agents can do on it. */
export class AgentDesk {
  /** When each agent of a conversation was last typing, by `conversation agent`. */
  readonly #typing = new Map<string, number>();
  readonly #receipts: ReadReceipts;

  constructor(
    private readonly simulator: ChatGatewaySimulator,
    private readonly isOfStorm: (phone: string) => boolean,
  ) {
    this.#receipts = new ReadReceipts(simulator);
  }

  /** @param known what the bridge knows of a conversation, by its id here */
  show(link: LinkConversation, known: ReadonlyMap<string, KnownConversation>): DeskState {
    const newestFirst = this.simulator.desk.conversations.toReversed().filter((one) => !this.#isStorm(one));
    const shown = newestFirst.filter(({ state }, index) => index < MAX_SHOWN || state !== 'idle');
    return {
      agents: this.simulator.staff.agents.map((agent) => this.#showAgent(agent)),
      conversations: shown.map((one) => this.#showConversation(one, link, known.get(one.id))),
    };
  }

  agent(id: string): Agent {
    return this.#showAgent(this.#agent(id));
  }

  /** From its queue, where it is offered to the agent; or beside those who are in it. */
  accept(id: string, agentId: string): DeskConversation {
    return this.#act(id, agentId, (conversation) => {
      const why = this.#notOffered(conversation)[agentId];
      if (why !== undefined) throw new ControlError(409, why);
      this.simulator.desk.accept(conversation, agentId);
    });
  }

  reply(id: string, agentId: string, { text, attachments, cards }: AgentMessage): DeskConversation {
    if (text.trim() === '' && attachments.length + cards.length === 0) {
      throw new ControlError(400, 'text must not be empty.');
    }
    if (text.length > MAX_TEXT) {
      throw new ControlError(400, `A reply has at most ${MAX_TEXT} characters, this one has ${text.length}.`);
    }
    if (attachments.length > MAX_FILES)
      throw new ControlError(400, `A reply has at most ${MAX_FILES} files.`);
    if (cards.length > MAX_CARDS) throw new ControlError(400, `A reply has at most ${MAX_CARDS} cards.`);
    if (cards.some(({ contentType, content }) => typeof contentType !== 'string' || content === undefined)) {
      throw new ControlError(400, 'A card needs contentType and content.');
    }
    return this.#act(id, agentId, (conversation) => {
      if (conversation.state === 'idle') throw new ControlError(409, 'The conversation is over.');
      this.#typing.delete(typist(id, agentId));
      if (!presentAgents(conversation).includes(agentId)) {
        throw new ControlError(409, `${agentId} is not in the conversation.`);
      }
      const files = attachments.map(({ contentType, fileName = 'file', bytes }) =>
        this.simulator.attachments.add(id, { contentType, fileName, bytes }),
      );
      this.simulator.desk.sendAsAgent(conversation, agentId, text, false, { attachments: files, cards });
    });
  }

  file(id: string, attachmentId: string): StoredFile {
    this.#conversation(id);
    const found = this.simulator.attachments.get(attachmentId);
    if (found?.conversationId === id) return found;
    throw new ControlError(404, `This conversation has no attachment ${attachmentId}.`);
  }

  type(id: string, agentId: string, typing: boolean): DeskConversation {
    return this.#act(id, agentId, (conversation) => {
      if (typing) this.#typing.set(typist(id, agentId), Date.now());
      else this.#typing.delete(typist(id, agentId));
      this.simulator.desk.typeAsAgent(conversation, agentId, typing);
    });
  }

  transfer(
    id: string,
    agentId: string,
    to: { queueId?: string | undefined; toAgentId?: string | undefined },
  ): DeskConversation {
    if (to.queueId === undefined && to.toAgentId === undefined) {
      throw new ControlError(400, 'queueId or toAgentId is required.');
    }
    if (to.toAgentId !== undefined) this.#agent(to.toAgentId);
    return this.#act(id, agentId, (conversation) =>
      this.simulator.desk.transfer(conversation, {
        fromAgentId: agentId,
        ...(to.queueId !== undefined && { queueId: to.queueId }),
        ...(to.toAgentId !== undefined && { toAgentId: to.toAgentId }),
      }),
    );
  }

  leave(id: string, agentId: string): DeskConversation {
    return this.#act(id, agentId, (conversation) => this.simulator.desk.leave(conversation, agentId));
  }

  end(id: string): DeskConversation {
    const conversation = this.#conversation(id);
    this.simulator.desk.end(conversation);
    return this.#showConversation(conversation, noLinks);
  }

  #act(id: string, agentId: string, action: (conversation: Conversation) => void): DeskConversation {
    this.#agent(agentId);
    const conversation = this.#conversation(id);
    action(conversation);
    return this.#showConversation(conversation, noLinks);
  }

  #conversation(id: string): Conversation {
    const found = this.simulator.desk.get(id);
    if (found === undefined) throw new ControlError(404, `There is no conversation ${id}.`);
    return found;
  }

  #agent(id: string): DeskAgent {
    const agent = this.simulator.staff.agent(id);
    if (agent === undefined) throw new ControlError(400, `There is no agent ${id}.`);
    return agent;
  }

  #notOffered(conversation: Conversation): Record<string, string> {
    const { staff } = this.simulator;
    const queue = staff.queue(conversation.queueId);
    if (queue === undefined || !isWaiting(conversation)) return {};
    const language = languageOf(conversation.user);
    return Object.fromEntries(
      staff.agents.flatMap((agent) => {
        const why = whyNotOffered(agent, { queue, language });
        return why === undefined ? [] : [[agent.id, why]];
      }),
    );
  }

  #isStorm({ user }: Conversation): boolean {
    const phone = user['phone'];
    return typeof phone === 'string' && this.isOfStorm(phone);
  }

  #showAgent({ id, name, languages, queueIds, available }: DeskAgent): Agent {
    const theirs = this.simulator.desk.conversations.filter(
      (one) => one.state !== 'idle' && presentAgents(one).includes(id) && !this.#isStorm(one),
    );
    return {
      id,
      name,
      conversationIds: theirs.map((one) => one.id),
      languages: [...languages],
      queueIds: [...queueIds],
      available,
    };
  }

  #showConversation(
    conversation: Conversation,
    link: LinkConversation,
    known: KnownConversation = {},
  ): DeskConversation {
    const { id, state, queueId, assignment, user, createdAtMs, queuedAtMs, endedAtMs } = conversation;
    const agentIds = presentAgents(conversation);
    const readAt = this.#receipts.until(id);
    const messages = conversation.messages.slice(-MAX_MESSAGES).map((one) => showMessage(id, one));
    const links = link(id, messages);
    for (const message of messages) {
      const found = links.get(message.id);
      if (found) message.bridge = found;
    }
    return {
      id,
      state,
      queueId,
      withBot: state !== 'idle' && assignment.type === 'webhook' && agentIds.length === 0,
      waiting: isWaiting(conversation) && known.closedBecause === undefined,
      ...known,
      agentIds,
      typingAgentIds: agentIds.filter((agentId) => this.#isTyping(id, agentId)),
      notOffered: this.#notOffered(conversation),
      customer: showCustomer(user),
      createdAt: new Date(createdAtMs).toISOString(),
      ...(queuedAtMs !== null && { queuedAt: new Date(queuedAtMs).toISOString() }),
      ...(endedAtMs !== null && { endedAt: new Date(endedAtMs).toISOString() }),
      ...(readAt !== undefined && { readUntil: new Date(readAt).toISOString() }),
      messages,
    };
  }

  #isTyping(id: string, agentId: string): boolean {
    return Date.now() - (this.#typing.get(typist(id, agentId)) ?? -Infinity) < TYPING_MS;
  }
}

function noLinks(): ReadonlyMap<string, BridgeLink> {
  return new Map();
}

function typist(conversationId: string, agentId: string): string {
  return `${conversationId} ${agentId}`;
}

function showMessage(conversationId: string, message: DeskMessage): DeskMessageView {
  const { id, authorType, authorId, text, createdAtMs, history, attachments, cards, cardMarks } = message;
  const place = `/api/conversations/${encodeURIComponent(conversationId)}/attachments`;
  return {
    id,
    author: authorType === 'user' ? 'customer' : authorType,
    ...(authorType === 'agent' && { agentId: authorId }),
    text,
    at: new Date(createdAtMs).toISOString(),
    history,
    files: attachments.map((one) => fileView(one.id, `${place}/${one.id}`, one)),
    cards: cards.map((card, index) => {
      const chosen = cardMarks?.get(index)?.data?.['name'];
      return { ...showCard(card), ...(typeof chosen === 'string' && { chosen }) };
    }),
  };
}
