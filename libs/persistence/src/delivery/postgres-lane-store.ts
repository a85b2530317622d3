import { v7 as uuid } from 'uuid';
import {
  inHistory,
  LaneStore,
  StorageError,
  type AttemptEnd,
  type AuthorType,
  type ClaimedLane,
  type ConversationFacts,
  type CreateIntent,
  type EndReason,
  type HeldForWindow,
  type HandedMessage,
  type Intent,
  type HandOver,
  type LaneHead,
  type Lease,
  type MessageContent,
  type Offer,
  type OpenConversation,
  type OpeningDetails,
  type PartContent,
  type ReceiptStatus,
  type RefusedFile,
  type Reopening,
  type SentToCustomer,
  type SentToDesk,
  type Settlement,
  type WakeUps,
} from '#core';
import { announcedDigest, contentDigest, keyDigest } from '../accept/keys.js';
import { storableJson, storableText } from '../accept/storable.js';
import { applyState } from '../conversations/state.js';
import { handedPart, historyDigests, said, type RecentRow } from './history.js';
import type { Pool } from '../database.js';
import {
  claimedLane,
  openConversation,
  type ClaimRow,
  type ConversationJson,
  type HeadRow,
  laneHead,
} from './rows.js';
import * as sql from './statements.js';

type HandingOver = MessageContent & { type: 'reopening' | 'handoff' | 'note' };

export interface LaneStoreOptions {
  pool: Pool;
  wakeUps: WakeUps;
  /** How long texts wait for a conversation that was just bound to become ready, milliseconds. */
  readyMs: number;
  /** Grace between the last agent's leaving and closing, milliseconds. */
  closeGraceMs: number;
}

/** Delivery's storage on Postgres. Every method is one statement per round trip; none holds a row across two. */
export class PostgresLaneStore extends LaneStore {
  constructor(private readonly options: LaneStoreOptions) {
    super();
  }

  async claim(laneId: string, leaseMs: number): Promise<ClaimedLane | undefined> {
    const [row] = await this.rows<ClaimRow>(sql.claim, [laneId, leaseMs]);
    return row && claimedLane(row);
  }

  async head(lane: ClaimedLane, replyWindowMs?: number): Promise<LaneHead | undefined> {
    const { laneId } = lane.lease;
    const hasWindow = lane.direction === 'outbound' && replyWindowMs !== undefined;
    const [row] = hasWindow
      ? await this.rows<HeadRow>(sql.outboundHeadByWindow, [laneId, replyWindowMs])
      : await this.rows<HeadRow>(lane.direction === 'inbound' ? sql.inboundHead : sql.outboundHead, [laneId]);
    return row && laneHead(row);
  }

  renew(lease: Lease, leaseMs: number): Promise<boolean> {
    return this.took(sql.renew, [lease.laneId, lease.fence, leaseMs]);
  }

  storeParts(
    lease: Lease,
    messageId: string,
    parts: PartContent[],
    { refused = [], deletesMedia = false }: { refused?: RefusedFile[]; deletesMedia?: boolean } = {},
  ): Promise<boolean> {
    const values = partsValues(lease, messageId, parts);
    if (refused.length > 0) {
      return this.took(sql.storePartsWithRefused, [...values, JSON.stringify(refused)]);
    }
    if (parts.some(({ answer }) => answer?.cardAction)) {
      return this.took(sql.storePartsSubmittingCard, values);
    }
    return this.took(deletesMedia ? sql.storePartsDeletingMedia : sql.storeParts, values);
  }

  replaceParts(
    lease: Lease,
    messageId: string,
    parts: PartContent[],
    { deletesMedia = false }: { deletesMedia?: boolean } = {},
  ): Promise<boolean> {
    return this.took(sql.replaceParts, [
      ...partsValues(lease, messageId, parts),
      deletesMedia,
      parts.some(({ answer }) => answer?.cardAction),
    ]);
  }

  replacePart(lease: Lease, messageId: string, n: number, content: PartContent): Promise<boolean> {
    return this.took(sql.replacePart, [
      lease.laneId,
      lease.fence,
      messageId,
      n,
      JSON.stringify(content),
      partDigest(content),
    ]);
  }

  async quoted(threadId: string, providerMessageId: string): Promise<MessageContent | undefined> {
    const [row] = await this.rows<{ content: MessageContent; part: PartContent | null }>(sql.quoted, [
      threadId,
      providerMessageId,
    ]);
    // Of several parts the customer sees and answers one; of choices to press they see the words, and not their numbers.
    const text = row?.part?.interactive?.body ?? row?.part?.text;
    return text ? { type: 'text', text } : row?.content;
  }

  intent(lease: Lease, leaseMs: number, attempt: Intent): Promise<boolean> {
    return this.took(sql.intent, [
      lease.laneId,
      lease.fence,
      leaseMs,
      attempt.id,
      attempt.messageId,
      attempt.seq,
      attempt.partN,
      attempt.conversationId ?? null,
      attempt.cost?.encoding ?? null,
      attempt.cost?.segments ?? null,
      attempt.destination ?? null,
    ]);
  }

  intentTemplate(
    lease: Lease,
    leaseMs: number,
    attempt: { id: string; messageId: string; seq: number },
  ): Promise<boolean> {
    return this.took(sql.intentTemplate, [
      lease.laneId,
      lease.fence,
      leaseMs,
      attempt.id,
      attempt.messageId,
      attempt.seq,
    ]);
  }

  async holdForWindow(
    lease: Lease,
    leaseMs: number,
    head: HeldForWindow,
  ): Promise<Settlement['delivery'] | undefined> {
    const [row] = await this.rows<{ delivery: Settlement['delivery'] | null }>(sql.holdForWindow, [
      lease.laneId,
      lease.fence,
      leaseMs,
      head.messageId,
      head.seq,
      head.replyWindowMs,
      head.templateRefused,
      head.told,
    ]);
    return row?.delivery ?? undefined;
  }

  windowClosed(lease: Lease, messageId: string, attemptId: string): Promise<boolean> {
    return this.took(sql.windowClosed, [lease.laneId, lease.fence, messageId, attemptId]);
  }

  openWindow(lease: Lease): Promise<boolean> {
    return this.took(sql.openWindow, [lease.laneId, lease.fence]);
  }

  async liftedOptOut(messageId: string): Promise<boolean> {
    const [row] = await this.rows<{ lifted: boolean }>(sql.optInLifted, [messageId]);
    return row?.lifted ?? false;
  }

  templateRefused(lease: Lease): Promise<boolean> {
    return this.took(sql.templateRefused, [lease.laneId, lease.fence]);
  }

  async optedOut(messageId: string, attemptId: string): Promise<void> {
    await this.rows(sql.recordRefusal, [messageId, attemptId]);
  }

  async settle(
    lease: Lease,
    leaseMs: number,
    settlement: Settlement,
  ): Promise<Settlement['delivery'] | undefined> {
    const { attempt, lane } = settlement;
    const [row] = await this.rows<{ delivery: Settlement['delivery'] | null }>(sql.settle, [
      lease.laneId,
      lease.fence,
      leaseMs,
      lane.failures,
      lane.notBeforeMs ?? null,
      lane.waitingFor ?? null,
      settlement.messageId,
      settlement.seq,
      settlement.delivery,
      settlement.ends,
      settlement.reason ?? null,
      settlement.providerCode ?? null,
      settlement.possibleDuplicate ?? false,
      settlement.ownFailure ?? false,
      attempt?.id ?? null,
      ...attemptValues(attempt),
      attempt?.lookUpFailed ?? false,
    ]);
    return row?.delivery ?? undefined;
  }

  wait(lease: Lease, ms: number, waitingFor: 'opening' | 'closing' | 'back-off'): Promise<boolean> {
    return this.took(sql.wait, [lease.laneId, lease.fence, Math.max(0, Math.ceil(ms)), waitingFor]);
  }

  waitForReceipt(
    lease: Lease,
    ms: number,
    { attemptId, receipt }: { attemptId: string; receipt: ReceiptStatus },
  ): Promise<boolean> {
    return this.took(sql.waitForReceipt, [lease.laneId, lease.fence, Math.ceil(ms), attemptId, receipt]);
  }

  endStandstill(lease: Lease): Promise<boolean> {
    return this.took(sql.endStandstill, [lease.laneId, lease.fence]);
  }

  async sentToCustomer(
    lane: ClaimedLane,
    head: LaneHead,
    partN: number,
    since: number,
  ): Promise<SentToCustomer> {
    const values = [lane.lease.laneId, head.seq, head.messageId, partN, since];
    const [row] = await this.rows<SentToCustomer>(sql.sentToCustomer, values);
    if (!row) throw new StorageError(new Error('A part is gone.'));
    return row;
  }

  async sentToDesk(messageId: string, partN: number, attemptId: string): Promise<SentToDesk | undefined> {
    const [row] = await this.rows<SentToDesk>(sql.sentToDesk, [messageId, partN, attemptId]);
    return row;
  }

  async unbound(providerIds: string[], attemptId: string): Promise<string[]> {
    const rows = await this.rows<{ id: string }>(sql.unbound, [providerIds, attemptId]);
    return rows.map(({ id }) => id);
  }

  async release(lease: Lease): Promise<void> {
    await this.rows(sql.release, [lease.laneId, lease.fence]);
  }

  async lookAgain(laneId: string): Promise<number | undefined> {
    const [row] = await this.rows<{ due_ms: number }>(sql.lookAgain, [laneId]);
    return row && (row.due_ms ?? 0);
  }

  async openConversation(lane: ClaimedLane): Promise<OpenConversation | undefined> {
    const [row] = await this.rows<{ conversation: ConversationJson }>(sql.openConversation, [
      lane.lease.laneId,
      lane.lease.fence,
      uuid(),
      lane.number.id,
    ]);
    return row && openConversation(row.conversation);
  }

  intentCreate(lease: Lease, leaseMs: number, create: CreateIntent): Promise<boolean> {
    return this.took(sql.intentCreate, [
      lease.laneId,
      lease.fence,
      leaseMs,
      create.conversationId,
      create.attemptId,
      create.messageId,
      create.reopenings ?? [],
      create.details === undefined ? null : JSON.stringify(storableJson(create.details)),
      historyDigests(create.history ?? []),
      create.survey ? JSON.stringify(create.survey) : null,
      queueOf(create.details),
    ]);
  }

  endCreate(lease: Lease, conversationId: string, messageId: string, end: AttemptEnd): Promise<boolean> {
    return this.took(sql.endCreate, [
      lease.laneId,
      lease.fence,
      conversationId,
      end.outcome === 'uncertain' ? 'uncertain' : 'not-sent',
      messageId,
      end.id,
      ...attemptValues(end),
    ]);
  }

  async noteHours(
    { threadId, number }: ClaimedLane,
    { schedule, open, ageMs }: { schedule: string; open: boolean; ageMs: number },
  ): Promise<'open' | 'closed'> {
    const values = [threadId, number.id, schedule, open, ageMs];
    const [row] = await this.rows<{ closed: boolean }>(sql.meetHours, values);
    return row?.closed ? 'closed' : 'open';
  }

  async bind(
    tenantId: string,
    deskConversationId: string,
    create: { conversationId: string; attemptId: string },
  ): Promise<'bound' | 'orphan' | 'foreign'> {
    const rows = await this.rows<{ result: 'bound' | 'orphan' | 'foreign'; lane_id: string | null }>(
      sql.bind,
      [tenantId, deskConversationId, create.conversationId, create.attemptId, this.options.readyMs],
    );
    const lanes = rows.flatMap((row) =>
      row.lane_id ? [{ laneId: row.lane_id, direction: 'outbound' as const }] : [],
    );
    this.options.wakeUps.wake(lanes);
    const result = rows[0]?.result ?? 'orphan';
    if (result === 'bound') await this.catchUp(tenantId, deskConversationId, create.conversationId);
    return result;
  }

  async reopenings(laneId: string): Promise<Reopening[]> {
    const rows = await this.rows<{ id: string; content: HandingOver }>(sql.reopenings, [laneId]);
    return Promise.all(
      rows.map(async ({ id, content }) => ({
        messageId: id,
        details: await this.details(content),
        ...(content.type === 'handoff' && content.survey && { survey: content.survey }),
      })),
    );
  }

  async handedOver(messageIds: string[]): Promise<HandedMessage[]> {
    const rows = await this.rows<{ content: PartContent }>(sql.historyParts, [messageIds]);
    return rows.flatMap(({ content }) => handedPart('user', content));
  }

  async recentHistory(
    messageId: string,
    { withinMinutes, limit }: { withinMinutes: number; limit: number },
  ): Promise<OpeningDetails | undefined> {
    const rows = await this.rows<RecentRow>(sql.recentHistory, [messageId, withinMinutes, limit]);
    const [last] = rows;
    if (!last) return undefined;
    const history = rows.flatMap(said).flatMap((message) => inHistory(message) ?? []);
    return {
      ...(last.queue_id !== null && { queueId: last.queue_id }),
      ...(history.length > 0 && { history }),
    };
  }

  async hasHandOver(laneId: string, types: HandOver[]): Promise<boolean> {
    const [row] = await this.rows<{ waits: boolean }>(sql.hasHandOver, [laneId, types]);
    return row?.waits ?? false;
  }

  async giveUpConversation(conversationId: string, reason: string): Promise<void> {
    await this.rows(sql.giveUpConversation, [conversationId, reason]);
  }

  async conversationGone(conversationId: string): Promise<void> {
    await this.rows(sql.closeConversation, [conversationId, 'gone']);
  }

  async endAfter(conversationId: string, messageId: string, reason: EndReason): Promise<void> {
    await this.rows(sql.endAfter, [conversationId, messageId, reason]);
  }

  endConversation(conversationId: string): Promise<boolean> {
    return this.took(sql.endConversation, [conversationId]);
  }

  async recentlyGone(threadId: string): Promise<number> {
    const [row] = await this.rows<{ n: number }>(sql.recentlyGone, [threadId]);
    return row?.n ?? 0;
  }

  async unaccountedFor(conversationId: string, content: MessageContent): Promise<number> {
    const [row] = await this.rows<{ n: number }>(sql.unaccountedFor, [
      conversationId,
      announcedDigest(content),
    ]);
    return row?.n ?? 0;
  }

  async dropEcho(lease: Lease, messageId: string, seq: number, conversationId: string): Promise<boolean> {
    if (!(await this.took(sql.dropEcho, [lease.laneId, lease.fence, messageId, seq]))) return false;
    // It was a customer's text after all: posted after the agent had left, it may have no reader.
    await this.handOverLate(conversationId);
    return true;
  }

  async handOverLate(conversationId: string): Promise<void> {
    const rows = await this.rows<{ lane_id: string }>(sql.handOverLate, [conversationId]);
    this.options.wakeUps.wake(rows.map((row) => ({ laneId: row.lane_id, direction: 'inbound' })));
  }

  resolveAuthor(lease: Lease, messageId: string, authorType: AuthorType): Promise<boolean> {
    return this.took(sql.resolveAuthor, [lease.laneId, lease.fence, messageId, authorType]);
  }

  async offered(threadId: string): Promise<void> {
    await this.rows(sql.offered, [threadId]);
  }

  async offers(messageId: string): Promise<Offer[]> {
    const rows = await this.rows<{ messageId: string; content: PartContent; answered: boolean }>(sql.offers, [
      messageId,
    ]);
    return rows.map(({ messageId: id, content: { choices = [], interactive }, answered }) => ({
      messageId: id,
      choices,
      ...(interactive && { interactive }),
      answered,
    }));
  }

  async conversationFacts(
    conversationId: string,
  ): Promise<{ deskConversationId?: string; hadAgent: boolean } | undefined> {
    const [row] = await this.rows<{ desk_conversation_id: string | null; had_agent: boolean }>(
      sql.conversationFacts,
      [conversationId],
    );
    return (
      row && {
        hadAgent: row.had_agent,
        ...(row.desk_conversation_id !== null && { deskConversationId: row.desk_conversation_id }),
      }
    );
  }

  /**
   * Facts that came before the binding are applied to the conversation now. The facts are compared in the statement:
   * an event that came between reading and writing has applied newer ones itself, and then these are read again.
   */
  private async catchUp(tenantId: string, deskConversationId: string, conversationId: string): Promise<void> {
    for (;;) {
      const [desk] = await this.rows<{ facts: ConversationFacts }>(sql.deskFacts, [
        tenantId,
        deskConversationId,
      ]);
      if (!desk) return;
      await this.guarded(() =>
        applyState(this.options.pool, conversationId, desk.facts, this.options.closeGraceMs),
      );
      const [same] = await this.rows(sql.deskFactsAre, [
        tenantId,
        deskConversationId,
        JSON.stringify(desk.facts),
      ]);
      if (!same) continue;
      if (desk.facts.state?.value === 'idle')
        await this.rows(sql.closeConversation, [conversationId, 'idle']);
      return;
    }
  }

  private async details(content: HandingOver): Promise<OpeningDetails> {
    switch (content.type) {
      case 'handoff':
        return content.details;
      case 'note':
        return { history: [{ authorType: 'bot', text: content.text }] };
      case 'reopening': {
        const messages = await this.handedOver(content.messageIds);
        return { history: messages.flatMap((message) => inHistory(message) ?? []) };
      }
    }
  }

  private async took(statement: sql.Statement, values: unknown[]): Promise<boolean> {
    return (await this.rows(statement, values)).length > 0;
  }

  private rows<Row extends object>(statement: sql.Statement, values: unknown[]): Promise<Row[]> {
    return this.guarded(async () => (await this.options.pool.query<Row>({ ...statement, values })).rows);
  }

  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new StorageError(error);
    }
  }
}

/** Where it waits until an event says so; a script decides that by itself. */
function queueOf({ assignment }: OpeningDetails = {}): string | null {
  return assignment?.type === 'queue' ? storableText(assignment.id) : null;
}

function partsValues(lease: Lease, messageId: string, parts: PartContent[]): unknown[] {
  return [
    lease.laneId,
    lease.fence,
    messageId,
    parts.map((_, index) => index + 1),
    parts.map((part) => JSON.stringify(part)),
    parts.map(partDigest),
  ];
}

/** By which parts with the same content are recognised; files of ours have no two keys alike. */
function partDigest(part: PartContent): Buffer {
  const byContent = part.media === undefined ? contentDigest(part.text, part.attachmentIds) : undefined;
  return byContent ?? keyDigest(`part:${JSON.stringify(part)}`);
}

function attemptValues(end: AttemptEnd | undefined): unknown[] {
  return [
    end?.outcome ?? null,
    end?.providerId ?? null,
    end?.receipt ?? null,
    end?.httpStatus ?? null,
    end?.errorClass ?? null,
    end?.errorCode ?? null,
    end?.providerCode ?? null,
  ];
}
