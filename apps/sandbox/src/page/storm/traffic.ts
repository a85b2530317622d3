import type { ChatGatewaySimulator } from '../../chat-gateway/simulator.js';
import type { TwilioSimulator } from '../../twilio/simulator.js';
import { isTaken } from '../../common/webhook-post.js';
import { type StormMessage, Tally } from './tally.js';

/** Customers of storms have these numbers, so that the page can leave them out. */
const PREFIX = '+155577';
const AGENT = 'agent-1';
/** Who waits for the fate of an event that nobody hears of any more goes on after this. */
const EVENT_LIMIT_MS = 60_000;

export function isOfStorm(address: string): boolean {
  return address.replace('whatsapp:', '').startsWith(PREFIX);
}

export function isStormText(text: string): boolean {
  return TEXT.test(text);
}

/** Texts name their storm, customer and place: `Storm k3x9 · customer 4 · text 7`. */
const TEXT = /^Storm (\w+) · customer (\d+) · (text|answer) (\d+)/;

/**
 * The customers and the agents of one storm. Customers text one after the other; for each text that comes for the first time an agent
 * answers. Everybody waits for the webhook of a message before writing the next: only then is it certain which came first.
 */
export class StormTraffic {
  readonly inbound: Tally;
  readonly outbound: Tally;
  #read = { desk: 0, twilio: 0, events: 0 };
  /** Answers that an agent owes, by customer, and the conversation to give them in. */
  readonly #owed = new Map<number, number>();
  readonly #conversations = new Map<number, string>();
  /** The answer of each customer whose event is under way. */
  readonly #telling = new Map<number, { message: StormMessage; text: string; since: number }>();

  constructor(
    private readonly id: string,
    readonly customers: number,
    readonly texts: number,
    private readonly twilio: TwilioSimulator,
    private readonly desk: ChatGatewaySimulator,
  ) {
    this.inbound = new Tally(customers * texts);
    this.outbound = new Tally(customers * texts);
    this.#read = { desk: desk.log.length, twilio: twilio.log.length, events: desk.webhooks.length };
  }

  /** One customer writes the next text; resolves when its webhook was answered or given up. */
  async write(customer: number): Promise<void> {
    const message = this.inbound.write(customer);
    const { webhook } = await this.twilio.receiveText({
      from: `${PREFIX}${String(customer).padStart(4, '0')}`,
      to: this.twilio.numbers[0] ?? '',
      body: this.#text(customer, 'text', message.n),
    });
    message.accepted = isTaken(webhook?.status);
  }

  /** Reads what arrived on both sides, and lets agents answer. */
  step(): void {
    this.#readDesk();
    this.#readPhones();
    this.#readEvents();
    for (const customer of this.#owed.keys()) this.#answer(customer);
  }

  /** No agent owes an answer or waits for the fate of one. */
  get answered(): boolean {
    return this.#telling.size === 0 && [...this.#owed.values()].every((count) => count === 0);
  }

  /** Whether a text is one of this storm. */
  owns(text: string): boolean {
    return TEXT.exec(text)?.[1] === this.id;
  }

  /** The agents are done. */
  endConversations(): void {
    for (const id of this.#conversations.values()) {
      const conversation = this.desk.desk.get(id);
      if (conversation) this.desk.desk.end(conversation);
    }
  }

  /** Marks what Causeway calls a possible duplicate. */
  mark(text: string): void {
    const found = this.#parse(text);
    if (found?.message) found.message.marked = true;
  }

  #readDesk(): void {
    const { log } = this.desk;
    // Cleared by a reset.
    this.#read.desk = Math.min(this.#read.desk, log.length);
    for (; this.#read.desk < log.length; this.#read.desk += 1) {
      const entry = log[this.#read.desk];
      if (entry?.kind !== 'message' || entry.authorType !== 'user') continue;
      const found = this.#parse(entry.text);
      if (found?.kind !== 'text' || !found.message) continue;
      const isFirst = found.message.arrivals.length === 0;
      this.inbound.arrive(found.message);
      this.#conversations.set(found.customer, entry.conversationId);
      if (isFirst) this.#owed.set(found.customer, (this.#owed.get(found.customer) ?? 0) + 1);
    }
  }

  #readPhones(): void {
    const { log } = this.twilio;
    this.#read.twilio = Math.min(this.#read.twilio, log.length);
    for (; this.#read.twilio < log.length; this.#read.twilio += 1) {
      const entry = log[this.#read.twilio];
      if (entry?.kind !== 'message') continue;
      const found = this.#parse(entry.body);
      if (found?.kind === 'answer' && found.message) this.outbound.arrive(found.message);
    }
  }

  /** An answer is accepted when the webhook of its event was; the desk repeats it a few times before it gives up. */
  #readEvents(): void {
    const { webhooks } = this.desk;
    const repeats = this.desk.settings.eventRetryMs.length;
    this.#read.events = Math.min(this.#read.events, webhooks.length);
    for (; this.#read.events < webhooks.length; this.#read.events += 1) {
      const call = webhooks[this.#read.events];
      if (call?.eventType !== 'MESSAGE') continue;
      const text = (call.event.data as { text?: string } | undefined)?.text;
      const told = [...this.#telling].find(([, telling]) => telling.text === text);
      if (!told) continue;
      const [customer, { message }] = told;
      if (isTaken(call.status)) message.accepted = true;
      else if (call.retry >= repeats) message.accepted = false;
      if (message.accepted !== undefined) this.#telling.delete(customer);
    }
    for (const [customer, { message, since }] of this.#telling) {
      if (performance.now() - since < EVENT_LIMIT_MS) continue;
      message.accepted = false;
      this.#telling.delete(customer);
    }
  }

  #answer(customer: number): void {
    const owed = this.#owed.get(customer) ?? 0;
    if (owed === 0 || this.#telling.has(customer)) return;
    const conversation = this.desk.desk.get(this.#conversations.get(customer) ?? '');
    if (!conversation || conversation.state === 'idle') {
      // Somebody ended it: nobody can answer there.
      this.#owed.delete(customer);
      return;
    }
    this.#owed.set(customer, owed - 1);
    const message = this.outbound.write(customer);
    const text = this.#text(customer, 'answer', message.n);
    this.#telling.set(customer, { message, text, since: performance.now() });
    this.desk.desk.accept(conversation, AGENT);
    this.desk.desk.sendAsAgent(conversation, AGENT, text);
  }

  #text(customer: number, kind: 'text' | 'answer', n: number): string {
    return `Storm ${this.id} · customer ${customer} · ${kind} ${n}`;
  }

  #parse(text: string): { kind: string; customer: number; message: StormMessage | undefined } | undefined {
    const [, id, customer, kind = '', n] = TEXT.exec(text) ?? [];
    if (id !== this.id) return undefined;
    const tally = kind === 'text' ? this.inbound : this.outbound;
    return { kind, customer: Number(customer), message: tally.find(Number(customer), Number(n)) };
  }
}
