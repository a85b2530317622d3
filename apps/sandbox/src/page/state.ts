/**
 * Everything that the page shows, as `GET /api/state` answers it; `GET /api/events` sends each section by its name whenever
 * it changes. Instants are ISO 8601. Types only: the page's code in `web` reads them, too.
 */
export interface SandboxState {
  setup: Setup;
  phones: Phone[];
  desk: DeskState;
  centre: CentreState;
  bridge: BridgeState;
  providers: Record<ProviderId, ProviderState>;
  machine: MachineState;
  storm: StormState | null;
}

export type Section = keyof SandboxState;

export type ProviderId = 'twilio' | 'chat-gateway';
export type ChannelId = 'sms' | 'whatsapp';

export interface Named {
  id: string;
  name: string;
}

/** What does not change while the sandbox runs. */
export interface Setup {
  /** Simulators remember nothing from before; the bridge does. */
  startedAt: string;
  links: { gateway: string; twilio: string; chatGateway: string };
  businessNumbers: BusinessNumber[];
}

export interface BusinessNumber {
  /** `+15550100`, `whatsapp:+15550100`. */
  address: string;
  channel: ChannelId;
}

/** A customer's phone. */
export interface Phone {
  /** `+15550123`, `whatsapp:+15550123`. */
  address: string;
  channel: ChannelId;
  /** Its number, unless it was given one. */
  name: string;
  /** Oldest first; the last 50. */
  messages: PhoneMessage[];
  /** Of WhatsApp only. */
  whatsApp?: WhatsAppState;
}

export interface WhatsAppState {
  /** An agent is typing, as the phone shows it. */
  typing: boolean;
  /** Whether the phone tells what it has read. */
  readReceipts: boolean;
  /** The business numbers whose 24-hour window is closed: only templates come through. */
  closedWindows: string[];
}

export interface PhoneMessage {
  /** Twilio's sid. */
  id: string;
  author: 'customer' | 'business';
  /** The business number of the other end. */
  number: string;
  text: string;
  at: string;
  /**
   * Customer's: `sending` (Twilio is calling the webhook), `accepted` (2xx), `refused` (the webhook failed, Twilio gave up).
   * Business's: Twilio's message status.
   */
  status:
    'sending' | 'accepted' | 'refused' | 'queued' | 'sent' | 'delivered' | 'read' | 'undelivered' | 'failed';
  errorCode?: number;
  files: FileView[];
  location?: Location;
  contact?: { name: string; phone: string };
  /** The id of the message that it answers. */
  repliedTo?: string;
  forwarded?: boolean;
  /** Customer's: a typing indicator has marked it as read. */
  seen?: boolean;
  /** What can be pressed below it. */
  choices?: Choices;
  /** What Causeway did with it, once that is known. */
  bridge?: BridgeLink;
}

export interface Location {
  latitude: number;
  longitude: number;
  label?: string;
  address?: string;
}

/** A file of a message. Only what a browser can show without danger is more than a `file`. */
export interface FileView {
  /** Twilio's or the Chat Gateway's. */
  id: string;
  kind: 'image' | 'audio' | 'video' | 'file';
  contentType: string;
  name: string;
  sizeInBytes: number;
  /** Its bytes, from the sandbox. */
  url: string;
}

export interface Choices {
  kind: 'buttons' | 'list';
  /** What opens the list. */
  opener?: string;
  options: ChoiceOption[];
}

export interface ChoiceOption {
  /** What comes back when it is pressed. */
  id: string;
  title: string;
  description?: string;
  /** It opens this instead of answering. */
  link?: string;
}

/** The message of the bridge that a bubble became, or came from. */
export interface BridgeLink {
  /** Of a {@link BridgeMessage}. */
  id: string;
  delivery: Delivery;
  /** Why it is held or failed. */
  reason?: string;
  receipt?: string;
  possibleDuplicate: boolean;
  destination?: Destination;
}

/** Where a customer's message goes: to the agents, to a bot before them, or to both while a bot asks how it was. */
export type Destination = 'desk' | 'bot' | 'both';

export interface DeskState {
  agents: Agent[];
  /** Newest first; the last 60, and every one that is open. */
  conversations: DeskConversation[];
}

export interface Agent extends Named {
  /** Conversations they are in. */
  conversationIds: string[];
  /** Codes of what they speak. */
  languages: string[];
  /** The queues that they serve. */
  queueIds: string[];
  /** Whether they take new work. */
  available: boolean;
}

/** The contact centre around its conversations. */
export interface CentreState {
  queues: QueueState[];
  schedules: { id: string; status: number }[];
  /** Codes of what customers and agents can speak. */
  languages: string[];
}

export interface QueueState extends Named {
  /** As it gives them out. */
  statistics: QueueFigures;
  /** Those that somebody has set; the others are computed. */
  set: Partial<QueueFigures>;
}

/** Waits in seconds. */
export interface QueueFigures {
  waiting: number;
  longestWaitSeconds: number;
  averageWaitSeconds: number;
  eligibleAgents: number;
}

/** What the desk knows of a customer, as it was given. */
export interface CustomerView {
  name?: string;
  phone?: string;
  email?: string;
  company?: string;
  caseId?: string;
  userId?: string;
  /** English where none is given. */
  language: string;
  properties: CustomerProperty[];
}

export interface CustomerProperty {
  key: string;
  value: string;
  /** The bridge's own: it tells an agent nothing. */
  ofBridge?: true;
}

export interface DeskConversation {
  /** The Chat Gateway's id. */
  id: string;
  state: 'created' | 'active' | 'idle';
  queueId: string;
  /** A bot has it back, after the agents. */
  withBot: boolean;
  /** In its queue, no agent is there, and Causeway has not closed it. */
  waiting: boolean;
  /** The business number that the customer texted. */
  number?: string;
  /** Why Causeway has closed it on its side (`agent-left`, …): the customer's next text opens another. */
  closedBecause?: string;
  /** Agents present. */
  agentIds: string[];
  /** Agents who are typing. */
  typingAgentIds: string[];
  /** Why it is not offered to agents, in a sentence each, by their ids; while it waits. */
  notOffered: Record<string, string>;
  customer: CustomerView;
  createdAt: string;
  /** Since when it waits in its queue. */
  queuedAt?: string;
  endedAt?: string;
  /** Up to when the customer has read, as the Chat Gateway was told. */
  readUntil?: string;
  /** Oldest first; the last 50. */
  messages: DeskMessageView[];
}

export interface DeskMessageView {
  id: string;
  author: 'customer' | 'agent' | 'bot';
  agentId?: string;
  text: string;
  at: string;
  /** Given at the conversation's opening: what was said before it. */
  history: boolean;
  files: FileView[];
  cards: CardView[];
  bridge?: BridgeLink;
}

/** A card as a person reads it. */
export interface CardView {
  contentType: string;
  lines: string[];
  options: { title: string; description?: string }[];
  location?: Location;
  /** What the customer chose on it, where the bridge has told it. */
  chosen?: string;
}

export type Delivery = 'open' | 'sending' | 'uncertain' | 'submitted' | 'held' | 'failed';

export interface BridgeState {
  /** Why nothing new is seen: the gateway's operator API does not answer. */
  trouble?: string;
  /** Messages that are not at their end, over all lanes. */
  waiting: number;
  /** Newest first: the last 60, the last 100 that are not of a storm, and the last 100 that are not at their end. */
  messages: BridgeMessage[];
}

export interface BridgeMessage {
  id: string;
  /** inbound: customer to agent. */
  direction: 'inbound' | 'outbound';
  /** The customer's, once it is known. */
  address?: string;
  customerName?: string;
  authorType: string;
  /** A customer's, once it was tried. */
  destination?: Destination;
  /** A hand-off's: what it gives to the agents. */
  carries?: string[];
  /** Its place in its lane. */
  seq: number;
  /** Empty where it has none. */
  text: string;
  /** What it is: `text`, `attachments`, `location`, `choice` … */
  kind: string;
  /** The types of its files. */
  files: string[];
  delivery: Delivery;
  receipt?: string;
  reason?: string;
  /** The reason in plain words. */
  explanation?: string;
  providerCode?: string;
  possibleDuplicate: boolean;
  acceptedAt: string;
  submittedAt?: string;
  /** Once a conversation is opened for it. */
  conversation?: { id: string; chatGatewayId?: string; state: string; closeReason?: string };
  attempts: BridgeAttempt[];
  parts: number;
  /** In plain words, while it is not at its end: why it waits. */
  waits?: { why: string; until?: string };
}

export interface BridgeAttempt {
  id: string;
  part: number;
  /** Absent: the Chat Gateway (inbound) or Twilio (outbound). */
  destination?: 'bot';
  startedAt: string;
  endedAt?: string;
  outcome: string;
  httpStatus?: number;
  errorClass?: string;
  providerId?: string;
}

/** What is wrong with a provider's API: every call to it, until another mode is chosen. */
export const PROVIDER_MODES = [
  'normal',
  'flaky',
  'slow',
  '429',
  '500-before',
  '500-after',
  'hang',
  'reset',
  'gone',
] as const;
export type ProviderMode = (typeof PROVIDER_MODES)[number];

export interface ProviderState {
  mode: ProviderMode;
  /** Each of its webhooks is sent twice. */
  doubled: boolean;
  /** Its webhooks overtake each other. */
  shuffled: boolean;
  /** Calls of its API that faults have hit since the mode was last chosen. */
  faultsHit: number;
}

/** The processes that the sandbox owns; an action that it cannot do says why. */
export interface MachineState {
  worker: { running: boolean; restarts: number; unavailable?: string };
  queue: { home: 'postgres' | 'redis'; frozenUntil?: string; unavailable?: string };
  postgres: { running: boolean; restarts: number; unavailable?: string };
}

export interface StormState {
  id: string;
  phase: 'running' | 'settling' | 'done' | 'stopped';
  startedAt: string;
  endedAt?: string;
  /** 0 to 1. */
  progress: number;
  faults: boolean;
  /** Customers to agents. */
  inbound: StormCounts;
  /** Agents to customers. */
  outbound: StormCounts;
  /** What was done to the world, newest first; the last 50. */
  events: { at: string; text: string }[];
}

export interface StormCounts {
  planned: number;
  written: number;
  /** Answered 2xx by Causeway: these it has promised to deliver. */
  accepted: number;
  /** The webhook got no 2xx: these may arrive or not. */
  refused: number;
  /** Of the accepted. */
  delivered: number;
  /** Accepted and on their way. */
  underWay: number;
  /** Accepted and not delivered: overtaken by a later one of its lane, or the bridge has nothing under way any more. */
  lost: number;
  /** Deliveries beyond the first. */
  doubled: number;
  /** Of the doubled: Causeway has marked the message as a possible duplicate. */
  doubledMarked: number;
  /** Delivered after a later one of the same lane. */
  outOfOrder: number;
}
