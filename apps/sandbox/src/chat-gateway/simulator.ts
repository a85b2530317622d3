import { Activity } from '../common/activity.js';
import { AppendLog, type Logged } from '../common/append-log.js';
import { ControlError } from '../common/control.js';
import type { OnExchange } from '../common/exchanges.js';
import { type Fault, Faults, type FaultSpec } from '../common/faults.js';
import { type Answer, type Call, header } from '../common/http.js';
import { SimulatorServer } from '../common/server.js';
import { WebhookPoster } from '../common/webhook-post.js';
import { registerMetricsRoutes } from '../metrics/routes.js';
import { registerScheduleRoutes } from '../schedule/routes.js';
import { Attachments } from './attachments.js';
import { registerChatGatewayControls } from './controls.js';
import { type Conversation, type DeskMessage, type MessageForm, presentAgents } from './conversation.js';
import { type ConversationSettings, registerConversationRoutes } from './conversation-routes.js';
import { Desk } from './desk.js';
import type { DeskLogEntry } from './desk-log.js';
import { newDeskSettings, type QueueStatistics, resetDeskSettings, statisticsOf } from './desk-settings.js';
import { type DeskEvent, type EventCall, EventSender, type EventSettings } from './events.js';
import { accessDenied, statusProblem, wrongTenant } from './problems.js';
import { type Channel, EVENT_VERSION, registerSetupRoutes, type Webhook } from './setup-routes.js';
import { newSigningKey, type SigningKey } from './signing.js';
import { type AgentSpec, type Named, Staff } from './staff.js';

export interface ChatGatewaySimulatorOptions {
  /** 0 = any free port. */
  port?: number;
  host?: string;
  apiKey: string;
  tenantId: string;
  customerId: string;
  /** Password of the Tenant Schedule API, whose user is the tenant. */
  dataToken?: string;
  /** Key and secret of the Real-time Metrics API. */
  metricsKey?: string;
  metricsSecret?: string;
  queues?: readonly Named[];
  agents?: readonly AgentSpec[];
  /** Seeds webhook `"1"`. */
  webhookUrl?: string;
  /** Seeds a ChatAPI channel on webhook `"1"` and the first queue. */
  channelId?: string;
  settings?: Partial<ChatGatewaySettings>;
  onExchange?: OnExchange | undefined;
}

/** What an agent's message has beside its text. */
export type AgentContent = Partial<Pick<DeskMessage, 'attachments' | 'cards'>>;

export interface ChatGatewaySettings extends EventSettings, ConversationSettings {
  /** created → active → QUEUED. */
  stepMs: number;
  messageForm: MessageForm;
  memberForm: 'current' | 'older';
}

const DEFAULT_SETTINGS: ChatGatewaySettings = {
  stepMs: 20,
  holdEvents: false,
  eventDelayMs: 0,
  eventRetryMs: [200, 500, 1000, 2000],
  webhookCopies: 1,
  webhookJitterMs: 0,
  eventOrder: 'sequential',
  signEvents: true,
  messageForm: 'reference',
  memberForm: 'current',
  beforeActive: 'accept',
  whenIdle: '404',
  listHistory: false,
  filterFields: ['id', 'channelId', 'state'],
  unknownQueueUpdate: 'refuse',
  attachmentMaxBytes: 25 * 1024 * 1024,
  attachmentFailures: 0,
  preSignedUrlLifeMs: 15 * 60_000,
};

/** What a form has around its file. */
const FORM_BYTES = 64 * 1024;

export class ChatGatewaySimulator {
  readonly name = 'chat-gateway';
  readonly faults = new Faults();
  readonly activity = new Activity();
  settings: ChatGatewaySettings;
  /** The conversations and what agents can do in them. */
  readonly desk: Desk;
  readonly attachments: Attachments;
  readonly staff: Staff;
  /** Hours and figures. */
  readonly deskSettings = newDeskSettings();
  readonly #options: ChatGatewaySimulatorOptions;
  readonly #server: SimulatorServer;
  readonly #poster = new WebhookPoster();
  readonly #events: EventSender;
  readonly #accepted = new AppendLog<DeskLogEntry>();
  readonly #calls = new AppendLog<EventCall>();
  readonly #webhooks = new Map<string, Webhook>();
  readonly #channels = new Map<string, Channel>();
  readonly #keys: Map<string, SigningKey>;
  #key: SigningKey;
  #url = '';

  constructor(options: ChatGatewaySimulatorOptions, key: SigningKey) {
    this.#options = options;
    this.staff = new Staff(options.queues, options.agents);
    this.settings = { ...DEFAULT_SETTINGS, ...options.settings };
    this.#key = key;
    this.#keys = new Map([[key.kid, key]]);
    const settings = (): ChatGatewaySettings => this.settings;
    this.#server = new SimulatorServer({
      provider: 'chat-gateway',
      faults: this.faults,
      onExchange: options.onExchange,
      errorAnswer: (status, call, code) => statusProblem(status, options.customerId, call.path, code),
      authorize: (call, operation) => this.#authorize(call, operation),
      maxUploadBytes: () => this.settings.attachmentMaxBytes + FORM_BYTES,
    });
    this.#events = new EventSender({
      customerId: options.customerId,
      tenantId: options.tenantId,
      key: () => this.#key,
      settings,
      activity: this.activity,
      poster: this.#poster,
      calls: this.#calls,
      onExchange: options.onExchange,
    });
    this.attachments = new Attachments({
      url: () => this.#url,
      lifeMs: () => this.settings.preSignedUrlLifeMs,
    });
    this.desk = new Desk({
      staff: this.staff,
      accepted: this.#accepted,
      activity: this.activity,
      settings,
      refer: (attachment) => this.attachments.reference(attachment),
      emit: (conversation, event) => this.#emit(conversation, event),
    });
    const hasQueue = (id: string): boolean => this.staff.queue(id) !== undefined;
    registerSetupRoutes(this.#server, {
      webhooks: this.#webhooks,
      channels: this.#channels,
      keys: this.#keys,
      hasQueue,
      verify: async (uri, version) => this.#events.verify(uri, version),
    });
    registerConversationRoutes(this.#server, {
      tenantId: options.tenantId,
      desk: this.desk,
      channels: this.#channels,
      webhooks: this.#webhooks,
      hasQueue,
      settings,
      attachments: this.attachments,
      useUpFailure: () => this.#useUpFailure(),
    });
    this.#registerFigures();
    registerChatGatewayControls(this.#server, this);
    this.#seed();
  }

  /** Base URL, for `CHAT_GATEWAY_BASE_URL` and control calls. */
  get url(): string {
    return this.#url;
  }

  /** What was accepted, in order. */
  get log(): readonly Logged<DeskLogEntry>[] {
    return this.#accepted.items;
  }

  /** Every attempt to deliver an event that has ended. */
  get webhooks(): readonly Logged<EventCall>[] {
    return this.#calls.items;
  }

  async listen(): Promise<this> {
    this.#url = await this.#server.listen(this.#options.host ?? '127.0.0.1', this.#options.port ?? 0);
    return this;
  }

  async close(): Promise<void> {
    this.activity.stopAll();
    await this.#server.close();
    await this.#poster.close();
  }

  get gone(): boolean {
    return this.#server.gone;
  }

  /** Its API is gone, what it sends by itself is not. */
  vanish(): void {
    this.#server.vanish();
  }

  async comeBack(): Promise<void> {
    await this.#server.comeBack();
  }

  logAfter(index: number): object[] {
    return this.#accepted.after(index);
  }

  webhooksAfter(index: number): object[] {
    return this.#calls.after(index);
  }

  setFault(spec: FaultSpec): Fault {
    return this.faults.arm(spec);
  }

  repeatWebhook(index: number): void {
    const call = this.#calls.items[index - 1];
    if (call === undefined) throw new ControlError(404, `no webhook call ${index}`);
    this.#events.repeat(call);
  }

  reset(): void {
    this.activity.stopAll();
    this.faults.disarmAll();
    this.#accepted.clear();
    this.#calls.clear();
    this.#events.reset();
    this.desk.reset();
    this.attachments.clear();
    this.staff.reset();
    resetDeskSettings(this.deskSettings);
    this.settings = { ...DEFAULT_SETTINGS, ...this.#options.settings };
  }

  /** The conversation, or a ControlError. */
  conversation(id: string): Conversation {
    const found = this.desk.get(id);
    if (found === undefined) throw new ControlError(404, `no conversation ${id}`);
    return found;
  }

  /** The figures of a queue, as the contact centre gives them out. */
  statistics(queueId: string): QueueStatistics {
    return statisticsOf(queueId, { settings: this.deskSettings, desk: this.desk, staff: this.staff });
  }

  /** Sends any event to the conversation's webhook; its id. */
  sendEvent(conversation: Conversation, event: DeskEvent): string {
    return this.#emit(conversation, { ...event, conversationId: conversation.id });
  }

  /** Takes the conversation that has waited longest and answers it. */
  answer(
    text: string,
    agentId?: string,
    rest: (conversation: Conversation) => AgentContent = () => ({}),
  ): { conversationId: string; id: string } {
    const conversation = this.desk.longestWaiting();
    if (conversation === undefined) throw new ControlError(404, 'nobody waits');
    const agent = agentId ?? presentAgents(conversation)[0] ?? 'agent-1';
    this.desk.accept(conversation, agent);
    const { id } = this.desk.sendAsAgent(conversation, agent, text, false, rest(conversation));
    return { conversationId: conversation.id, id };
  }

  /** Signs with a new key from now on; the old one stays published unless it is retired. Its kid. */
  async rotateKey(retireOld = false): Promise<string> {
    const key = await newSigningKey();
    if (retireOld) this.#keys.clear();
    this.#keys.set(key.kid, key);
    this.#key = key;
    return key.kid;
  }

  /** Publishes one more key, for who signs events beside this simulator. */
  publishKey(key: SigningKey): void {
    this.#keys.set(key.kid, key);
  }

  releaseEvents(order: 'sent' | 'reversed'): number {
    return this.#events.release(order);
  }

  /** What the contact centre says of itself by its other APIs, which lie behind the same address here. */
  #registerFigures(): void {
    const { tenantId, dataToken = 'sandbox-data-token' } = this.#options;
    const { metricsKey = 'sandbox-metrics-key', metricsSecret = 'sandbox-metrics-secret' } = this.#options;
    const { schedules } = this.deskSettings;
    registerScheduleRoutes(this.#server, { schedules, tenant: tenantId, dataToken });
    registerMetricsRoutes(this.#server, {
      key: metricsKey,
      secret: metricsSecret,
      queues: () => this.staff.queues,
      statistics: (queueId) => this.statistics(queueId),
    });
  }

  #useUpFailure(): boolean {
    const left = this.settings.attachmentFailures;
    if (left > 0) this.settings = { ...this.settings, attachmentFailures: left - 1 };
    return left > 0;
  }

  #authorize(call: Call, operation: string): Answer | undefined {
    // Keys are public, links carry their own signature, the other APIs have credentials of their own.
    if (operation === 'jwk.get' || operation === 'attachments.pre-signed') return undefined;
    if (/^(?:schedules|oauth|metrics)\./.test(operation)) return undefined;
    const { apiKey, tenantId, customerId } = this.#options;
    if (header(call, 'x-api-key') !== apiKey) return accessDenied();
    const tenant = header(call, 'x-8x8-tenant');
    return tenant === undefined || tenant === tenantId ? undefined : wrongTenant(customerId);
  }

  #emit(conversation: Conversation, event: DeskEvent): string {
    const channel = this.#channels.get(conversation.channelId);
    const webhook = this.#webhooks.get(channel?.webHookId ?? '');
    return webhook === undefined ? '' : this.#events.send(webhook.uri, event);
  }

  #seed(): void {
    const { webhookUrl, channelId } = this.#options;
    if (webhookUrl !== undefined) {
      this.#webhooks.set('1', { id: '1', name: 'Causeway', uri: webhookUrl, version: EVENT_VERSION });
    }
    if (channelId !== undefined) {
      const routingOptions = { type: 'queue', id: this.staff.queues[0]?.id ?? '100' };
      const channel = { id: channelId, name: 'Causeway', type: 'ChatAPI', webHookId: '1', routingOptions };
      this.#channels.set(channelId, channel);
    }
  }
}

/** Starts a Chat Gateway simulator; resolves when it listens. */
export async function startChatGatewaySimulator(
  options: ChatGatewaySimulatorOptions,
): Promise<ChatGatewaySimulator> {
  return new ChatGatewaySimulator(options, await newSigningKey()).listen();
}
