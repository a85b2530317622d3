import { notifications } from '@mantine/notifications';
import type {
  Agent,
  ChannelId,
  DeskConversation,
  Location,
  Phone,
  ProviderId,
  ProviderState,
  QueueFigures,
  QueueState,
  StormState,
} from '../../src/page/state.js';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A file as the sandbox takes it. */
export interface SentFile {
  contentType: string;
  base64: string;
  fileName: string;
}

/** What a customer sends, at least one of it. */
export interface CustomerMessage {
  body?: string;
  media?: SentFile[];
  location?: Location;
  contact?: { name: string; phone: string };
  button?: { text: string; payload: string };
  listReply?: { id: string; title: string; description?: string };
  repliedTo?: string;
  /** A business number. */
  to?: string;
}

/** What an agent sends, at least one of it. */
export interface AgentMessage {
  text?: string;
  attachments?: SentFile[];
  cards?: { contentType: string; content: object }[];
}

/** The sandbox's answer, or an error whose message is one sentence for the person. */
async function call<T>(method: Method, path: string, body?: object): Promise<T> {
  const response = await fetch(`/api/${path}`, {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Error('The sandbox does not answer.');
  });
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw new Error(errorOf(answer) ?? `The sandbox answered ${response.status}.`);
  // The shapes are the server's word: both sides share the types of state.ts.
  return answer as T;
}

function errorOf(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('error' in answer)) return undefined;
  return String(answer.error);
}

const segment = encodeURIComponent;

export const api = {
  addPhone: (phone: { channel: ChannelId; name?: string }) => call<Phone>('POST', 'phones', phone),
  removePhone: (address: string) => call<void>('DELETE', `phones/${segment(address)}`),
  changePhone: (address: string, change: { readReceipts?: boolean; windowOpen?: boolean; number?: string }) =>
    call<Phone>('PATCH', `phones/${segment(address)}`, change),
  read: (address: string) => call<{ read: number }>('POST', `phones/${segment(address)}/read`),
  sendText: (address: string, text: CustomerMessage) =>
    call<{ id: string; accepted: boolean }>('POST', `phones/${segment(address)}/texts`, text),

  addAgent: (name: string) => call<Agent>('POST', 'agents', { name }),
  changeAgent: (id: string, change: Partial<Pick<Agent, 'available' | 'languages' | 'queueIds'>>) =>
    call<Agent>('PATCH', `agents/${segment(id)}`, change),
  addQueue: (name: string) => call<QueueState>('POST', 'queues', { name }),
  setStatistics: (queueId: string, figures: Partial<QueueFigures>) =>
    call<QueueState>('PUT', `queues/${segment(queueId)}/statistics`, figures),
  setSchedule: (id: string, status: number) =>
    call<{ id: string; status: number }>('PUT', `schedules/${segment(id)}`, { status }),
  accept: (conversationId: string, agentId: string) => onConversation(conversationId, 'accept', { agentId }),
  reply: (conversationId: string, agentId: string, message: AgentMessage) =>
    onConversation(conversationId, 'messages', { agentId, ...message }),
  typing: (conversationId: string, agentId: string, typing: boolean) =>
    onConversation(conversationId, 'typing', { agentId, typing }),
  transfer: (conversationId: string, agentId: string, to: { queueId: string } | { toAgentId: string }) =>
    onConversation(conversationId, 'transfer', { agentId, ...to }),
  leave: (conversationId: string, agentId: string) => onConversation(conversationId, 'leave', { agentId }),
  end: (conversationId: string, agentId: string) => onConversation(conversationId, 'end', { agentId }),

  changeProvider: (id: ProviderId, change: Partial<Pick<ProviderState, 'mode' | 'doubled' | 'shuffled'>>) =>
    call<ProviderState>('PUT', `providers/${id}`, change),
  killWorker: () => call<void>('POST', 'worker/kill'),
  freezeQueue: (seconds: number) => call<void>('POST', 'queue/freeze', { seconds }),
  thawQueue: () => call<void>('POST', 'queue/thaw'),
  restartPostgres: () => call<void>('POST', 'postgres/restart'),

  startStorm: (storm: { customers: number; texts: number; faults: boolean }) =>
    call<StormState>('POST', 'storm', storm),
  stopStorm: () => call<void>('DELETE', 'storm'),
};

function onConversation(id: string, action: string, body: object): Promise<DeskConversation> {
  return call('POST', `conversations/${segment(id)}/${action}`, body);
}

/** Waits for an action; when it fails, tells the person why and gives undefined. */
export async function attempt<T>(action: Promise<T>): Promise<{ value: T } | undefined> {
  try {
    return { value: await action };
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** Tells the person that something could not be done; the same sentence is not shown twice at once. */
export function tell(message: string): void {
  notifications.show({
    id: message,
    color: 'red',
    message,
    autoClose: 8000,
    closeButtonProps: { 'aria-label': 'Dismiss' },
  });
}
