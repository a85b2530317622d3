import { createHash } from 'node:crypto';
import { v7 as uuid } from 'uuid';
import {
  DeliveryError,
  deriveState,
  factsOfReading,
  type Acceptor,
  type ConversationFacts,
  type DeskCallContext,
  type DeskPort,
} from '#core';
import type { ConversationCheck, ConversationChecks } from '#persistence';
import type { ProviderCalls } from './calls.js';
import type { ReconcileObserver } from './observer.js';
import type { Pass } from './pass.js';

/** Conversations of one pass; the others come with the next one. */
const MAX_CONVERSATIONS = 100;
/** A conversation with more messages is not compared: what its list lacks would prove nothing. */
const MAX_MESSAGES = 2_000;
/** How long a conversation is left alone after a comparison from which nothing follows, milliseconds. */
const LONG_PAUSE_MS = 600_000;
/** Tries at a conversation that has closed, before it is let be. */
const MAX_TRIES_CLOSED = 20;

export interface ConversationsParts {
  checks: ConversationChecks;
  desk: DeskPort;
  acceptor: Acceptor;
  calls: ProviderCalls;
  observer: ReconcileObserver;
  times: {
    intervalMs: number;
    /** Younger messages of agents are left to their events. */
    messagesMs: number;
    /** A conversation of which nothing was heard for so long is asked for. */
    silentMs: number;
    /** How long a pass may keep a conversation from others. */
    leaseMs: number;
  };
}

/**
 * What the desk's events never told: agents' messages, found by comparing its list with what was taken, and ends of
 * conversations, found by asking for those that are silent.
 */
export class Conversations {
  constructor(private readonly parts: ConversationsParts) {}

  async run(pass: Pass): Promise<void> {
    const { checks, times } = this.parts;
    const taken = await checks.take(MAX_CONVERSATIONS, times);
    await pass.each(taken, (check) => this.check(check));
  }

  private async check(check: ConversationCheck): Promise<void> {
    const { checks, observer } = this.parts;
    try {
      if (check.open && check.silent && !(await this.ask(check))) return;
      await this.compare(check);
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      if (error.kind === 'gone') return this.maybeGone(check, error);
      const { conversationId, tries } = check;
      if (!check.open && tries >= MAX_TRIES_CLOSED) return checks.done(conversationId);
      await checks.again(conversationId, this.pauseMs(tries), false);
      observer.failed('conversations', error.code, { conversationId });
      throw error;
    }
  }

  /** Asks for state and participants; what no event told is applied like an event. False where there is nothing left to do. */
  private async ask(check: ConversationCheck): Promise<boolean> {
    const { checks, desk, acceptor, observer } = this.parts;
    const { conversationId, deskConversationId } = check;
    const { state, ...assigned } = await this.call(check, (context) =>
      desk.readConversation(deskConversationId, context),
    );
    if (state === 'gone') {
      await this.gone(check);
      return false;
    }
    const { facts: known, lastSignAt } = await checks.known(check);
    const participants =
      deriveState(known).agentId === undefined
        ? []
        : await this.call(check, (context) => desk.listParticipants(deskConversationId, context));
    const facts = factsOfReading(known, { state, ...assigned, participants }, lastSignAt);
    if (Object.keys(facts).length === 0) return true;
    await acceptor.accept([readingEvent(check, facts)]);
    observer.found('conversation', { conversationId, state });
    return true;
  }

  private async compare(check: ConversationCheck): Promise<void> {
    const { checks, desk, observer, times } = this.parts;
    const { conversationId, deskConversationId } = check;
    const olderThan = Date.now() - times.messagesMs;
    const listed = await this.call(check, (context) =>
      desk.listMessages(deskConversationId, MAX_MESSAGES, context),
    );
    if (listed.length >= MAX_MESSAGES) {
      observer.alarm('conversation-too-long', { conversationId });
      return this.next(check, LONG_PAUSE_MS);
    }
    const { missing, broken } = await checks.takeMissing(check, listed, {
      olderThan,
      messagesMs: times.messagesMs,
    });
    if (broken) {
      observer.alarm('agent-messages-differ', { conversationId, missing: missing.length });
      return this.next(check, LONG_PAUSE_MS);
    }
    for (const { id } of missing) observer.found('agent-message', { conversationId, deskMessageId: id });
    return this.next(check, check.open && check.silent ? times.silentMs : times.intervalMs);
  }

  private next(check: ConversationCheck, inMs: number): Promise<void> {
    const { checks } = this.parts;
    return check.last ? checks.done(check.conversationId) : checks.again(check.conversationId, inMs, true);
  }

  /** A list that is gone is believed only when the conversation is gone, too. */
  private async maybeGone(check: ConversationCheck, error: DeliveryError): Promise<void> {
    const { checks, desk } = this.parts;
    if (!check.open) return checks.done(check.conversationId);
    const { state } = await this.call(check, (context) =>
      desk.readConversation(check.deskConversationId, context),
    );
    if (state === 'gone') return this.gone(check);
    await checks.again(check.conversationId, this.pauseMs(check.tries), false);
    throw error;
  }

  private async gone(check: ConversationCheck): Promise<void> {
    const { checks, observer } = this.parts;
    await checks.gone(check);
    await checks.done(check.conversationId);
    observer.found('conversation', { conversationId: check.conversationId, state: 'gone' });
  }

  private pauseMs(tries: number): number {
    return Math.min(LONG_PAUSE_MS, this.parts.times.intervalMs * 2 ** Math.min(tries, 10));
  }

  private call<T>(check: ConversationCheck, call: (context: DeskCallContext) => Promise<T>): Promise<T> {
    return this.parts.calls({ provider: 'desk', tenantId: check.tenantId }, call);
  }
}

function readingEvent(check: ConversationCheck, facts: ConversationFacts) {
  const raw = JSON.stringify({ reading: facts });
  return {
    kind: 'desk-event' as const,
    tenantId: check.tenantId,
    eventId: `reading:${uuid()}`,
    bodyDigest: createHash('sha256').update(raw).digest('hex'),
    deskConversationId: check.deskConversationId,
    type: 'READING',
    occurredAt: Date.now(),
    facts,
    raw,
  };
}
