import type {
  Channel,
  ClaimedLane,
  LaneHead,
  NumberSettings,
  OpenConversation,
  StoredAttempt,
  StoredPart,
} from '#core';

export interface ClaimRow {
  id: string;
  fence: number;
  direction: 'inbound' | 'outbound';
  tenant_id: string;
  thread_id: string;
  failures: number;
  customer_id: string;
  customer_address: string;
  customer_name: string | null;
  number_id: string;
  channel: Channel;
  address: string;
  account_sid: string;
  messaging_service_sid: string | null;
  number_state: 'configured' | 'unconfigured';
  chat_gateway_channel_id: string | null;
  queue_id: string | null;
  language: string | null;
  settings: NumberSettings;
  opted_out: boolean;
}

export function claimedLane(row: ClaimRow): ClaimedLane {
  return {
    lease: { laneId: row.id, fence: row.fence },
    direction: row.direction,
    tenantId: row.tenant_id,
    threadId: row.thread_id,
    failures: row.failures,
    customer: {
      id: row.customer_id,
      address: row.customer_address,
      optedOut: row.opted_out,
      ...(row.customer_name !== null && { name: row.customer_name }),
    },
    number: {
      id: row.number_id,
      channel: row.channel,
      address: row.address,
      account: row.account_sid,
      configured: row.number_state === 'configured',
      ...(row.messaging_service_sid !== null && { messagingServiceSid: row.messaging_service_sid }),
      ...(row.chat_gateway_channel_id !== null && { chatGatewayChannelId: row.chat_gateway_channel_id }),
      ...(row.queue_id !== null && { queueId: row.queue_id }),
      ...(row.language !== null && { language: row.language }),
      settings: row.settings,
      ...(row.settings.smartEncoding !== undefined && { smartEncoding: row.settings.smartEncoding }),
      ...(row.settings.messagesPerSecond !== undefined && {
        messagesPerSecond: row.settings.messagesPerSecond,
      }),
    },
  };
}

/** As json_build_object gives it: absent things are null. */
export interface ConversationJson {
  id: string;
  state: OpenConversation['state'];
  deskConversationId: string | null;
  createAttemptId: string | null;
  createOutcome: NonNullable<OpenConversation['create']>['outcome'] | null;
  createHistory: string[];
  createStartedAt: number | null;
  createStartedAgoMs: number | null;
  createEndedAgoMs: number | null;
  readyInMs: number | null;
  closesInMs: number | null;
  endsAfter: string | null;
}

export function openConversation(json: ConversationJson): OpenConversation {
  return {
    id: json.id,
    state: json.state,
    ...(json.deskConversationId !== null && { deskConversationId: json.deskConversationId }),
    ...(json.readyInMs !== null && { readyInMs: json.readyInMs }),
    ...(json.closesInMs !== null && { closesInMs: json.closesInMs }),
    ...(json.endsAfter !== null && { endsAfter: json.endsAfter }),
    ...(json.createAttemptId !== null &&
      json.createOutcome !== null && {
        create: {
          attemptId: json.createAttemptId,
          outcome: json.createOutcome,
          history: json.createHistory,
          startedAt: json.createStartedAt ?? 0,
          startedAgoMs: json.createStartedAgoMs ?? 0,
          ...(json.createEndedAgoMs !== null && { endedAgoMs: json.createEndedAgoMs }),
        },
      }),
  };
}

type Nullable<T> = { [K in keyof T]: T[K] | null };

export interface HeadRow {
  seq: number;
  message_id: string;
  state: LaneHead['state'];
  reason: NonNullable<LaneHead['reason']> | null;
  tries: number;
  content: LaneHead['content'];
  author_type: LaneHead['authorType'];
  author_id: string | null;
  conversation_id: string | null;
  age_ms: number;
  stood_still: boolean;
  parts: StoredPart[];
  attempts: Nullable<StoredAttempt>[];
  conversation: ConversationJson | null;
  reply_window: LaneHead['replyWindow'] | null;
  behind_window: boolean;
  offered?: boolean | null;
}

export function laneHead(row: HeadRow): LaneHead {
  return {
    messageId: row.message_id,
    seq: row.seq,
    state: row.state,
    tries: row.tries,
    content: row.content,
    authorType: row.author_type,
    ageMs: row.age_ms,
    stoodStill: row.stood_still,
    parts: row.parts,
    attempts: row.attempts.map((attempt) => withoutNulls<StoredAttempt>(attempt)),
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.author_id !== null && { authorId: row.author_id }),
    ...(row.conversation_id !== null && { conversationId: row.conversation_id }),
    ...(row.conversation !== null && { conversation: openConversation(row.conversation) }),
    ...(row.reply_window && { replyWindow: row.reply_window }),
    ...(row.behind_window && { behindWindow: true }),
    ...(row.offered && { offered: true }),
  };
}

function withoutNulls<T>(value: Nullable<T>): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null)) as T;
}
