import type { System } from '../support/system.js';
import { Customer } from '../support/traffic.js';
import { sleep } from '../support/accepting.js';
import { LogReader } from './log-reader.js';

type DeskConversation = System['desk']['desk']['conversations'][number];
type Call = System['twilio']['webhooks'][number] | System['desk']['webhooks'][number];

const READ_EVERY_MS = 20;
const REPEAT_AFTER_MS = 1_000;
const AGENT = 'agent-1';

export interface StormCounts {
  written: number;
  accepted: number;
  arrived: number;
}

/**
 * Customers who text and agents who answer them, each with a pause between two messages. Everybody waits until a webhook of the
 * last message was answered 2xx, and has it repeated until then: only so is it certain which of two was accepted first.
 */
export class StormTraffic {
  readonly customers: Customer[];
  readonly #written = new Map<string, Customer>();
  readonly #accepted = new Set<string>();
  readonly #arrived = new Set<string>();
  /** Who waits for the next webhook call of a text from a customer (by its sid), or of one from an agent (by itself). */
  readonly #waiting = new Map<string, (call: Call) => void>();
  /** Where each customer's last text has arrived. */
  readonly #conversations = new Map<Customer, string>();
  readonly #reading: NodeJS.Timeout;

  constructor(
    private readonly system: System,
    customers: number,
    /** Mean pause between two messages of one person. */
    private readonly pauseMs: number,
    private readonly random: () => number,
  ) {
    this.customers = Array.from(
      { length: customers },
      (_, index) => new Customer(system, index % 5 === 4 ? 'whatsapp' : 'sms'),
    );
    const { twilio, desk } = system;
    const readers = [
      new LogReader(
        () => twilio.webhooks,
        (call) => call.kind === 'inbound' && this.#called(call.messageSid, call),
      ),
      new LogReader(
        () => desk.webhooks,
        (call) => call.eventType === 'MESSAGE' && this.#called(textOf(call.event.data), call),
      ),
      new LogReader(
        () => twilio.log,
        (entry) => entry.kind === 'message' && this.#arrived.add(entry.body),
      ),
      new LogReader(
        () => desk.log,
        (entry) => entry.kind === 'message' && this.#atDesk(entry.text, entry.conversationId),
      ),
    ];
    this.#reading = setInterval(() => readers.forEach((reader) => reader.read()), READ_EVERY_MS);
  }

  get counts(): StormCounts {
    return { written: this.#written.size, accepted: this.#accepted.size, arrived: this.#arrived.size };
  }

  /** Accepted texts that are not on the other side. */
  get missing(): string[] {
    return [...this.#accepted].filter((text) => !this.#arrived.has(text));
  }

  /** Writes until told otherwise, and then until all that was written is accepted. */
  async run(isOver: () => boolean): Promise<void> {
    await Promise.all(this.customers.flatMap((one) => [this.#text(one, isOver), this.#answer(one, isOver)]));
  }

  stop(): void {
    clearInterval(this.#reading);
  }

  async #text(customer: Customer, isOver: () => boolean): Promise<void> {
    const { twilio } = this.system;
    for (let n = 1; !isOver(); n += 1) {
      await this.#pause();
      const text = customer.text(`text ${n}`);
      this.#written.set(text, customer);
      const { sid } = twilio.receiveTextSoon({ from: customer.address, to: customer.ours, body: text });
      await this.#taken(sid, (index) => twilio.repeatWebhook(index));
      customer.written.push(text);
      this.#accepted.add(text);
    }
  }

  async #answer(customer: Customer, isOver: () => boolean): Promise<void> {
    const { desk } = this.system;
    for (let n = 1; ; n += 1) {
      await this.#pause();
      const conversation = await this.#openConversation(customer, isOver);
      if (!conversation || isOver()) return;
      desk.desk.accept(conversation, AGENT);
      const text = customer.text(`answer ${n}`);
      this.#written.set(text, customer);
      const taken = this.#taken(text);
      desk.desk.sendAsAgent(conversation, AGENT, text);
      await taken;
      customer.answers.push(text);
      this.#accepted.add(text);
    }
  }

  /** Resolves when a webhook call was answered 2xx; `repeat` has one that was not made again, where nobody does by itself. */
  async #taken(key: string, repeat?: (index: number) => void): Promise<void> {
    for (;;) {
      const { index, status = 0 } = await this.#nextCall(key);
      if (status >= 200 && status < 300) return;
      if (!repeat) continue;
      await sleep(REPEAT_AFTER_MS);
      repeat(index);
    }
  }

  #nextCall(key: string): Promise<Call> {
    return new Promise((resolve) => this.#waiting.set(key, resolve));
  }

  #called(key: string, call: Call): void {
    const resolve = this.#waiting.get(key);
    this.#waiting.delete(key);
    resolve?.(call);
  }

  #atDesk(text: string, conversationId: string): void {
    this.#arrived.add(text);
    const customer = this.#written.get(text);
    if (customer) this.#conversations.set(customer, conversationId);
  }

  /** The conversation that the customer's texts arrive in: the desk may hold others that were made once too often. */
  async #openConversation(customer: Customer, isOver: () => boolean): Promise<DeskConversation | undefined> {
    while (!isOver()) {
      const id = this.#conversations.get(customer);
      const conversation = id === undefined ? undefined : this.system.desk.desk.get(id);
      if (conversation?.state === 'active') return conversation;
      await sleep(50);
    }
    return undefined;
  }

  /** Up to twice the mean pause. */
  #pause(): Promise<void> {
    return sleep(this.random() * 2 * this.pauseMs);
  }
}

function textOf(data: unknown): string {
  return String((data as { text?: unknown } | undefined)?.text);
}
