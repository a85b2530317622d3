import { CANARIES } from './canaries.js';
import { eventually, sleep } from './accepting.js';
import { NUMBERS, type System } from './system.js';

type DeskConversation = System['desk']['desk']['conversations'][number];

let customers = 0;

/** A customer with a phone, and the agent who talks to them: what they write, and what reaches them. */
export class Customer {
  readonly address: string;
  readonly number: string;
  /** Texts that a webhook answered 2xx, in order of writing. */
  readonly written: string[] = [];
  /** Texts whose webhook was not answered 2xx: they may arrive or not. */
  readonly unanswered: string[] = [];
  /** What agents wrote to this customer, in order of writing. */
  readonly answers: string[] = [];

  /** By which the desk knows them: their own, and what somebody else says that it is. */
  readonly phones = new Set<unknown>();

  constructor(
    private readonly system: Pick<System, 'twilio' | 'desk'>,
    channel: 'sms' | 'whatsapp' = 'sms',
  ) {
    customers += 1;
    this.number = `${CANARIES.customerPrefix}${String(customers).padStart(6, '0')}`;
    this.phones.add(this.number);
    this.address = channel === 'sms' ? this.number : `whatsapp:${this.number}`;
  }

  /** Which of our numbers this customer writes to. */
  get ours(): string {
    return this.address === this.number ? NUMBERS[0] : NUMBERS[1];
  }

  /** A text that no other text equals; `size` pads it with words. */
  text(label: string, size = 0): string {
    const start = `${CANARIES.text} ${this.number.slice(-6)} ${label}`;
    return size === 0 ? start : pad(start, size);
  }

  /** Writes a text, as Twilio would post it; a webhook without a 2xx is posted again, `repeats` times. */
  async write(body: string, repeats = 0, to: string = this.ours): Promise<{ durationMs: number }> {
    const startedAt = performance.now();
    const { twilio } = this.system;
    const { webhook, sid } = await twilio.receiveText({ from: this.address, to, body });
    const durationMs = performance.now() - startedAt;
    let taken = isTaken(webhook?.status);
    for (let repeat = 0; !taken && repeat < repeats; repeat += 1) {
      await sleep(50);
      taken = await this.#writeAgain(sid);
    }
    (taken ? this.written : this.unanswered).push(body);
    return { durationMs };
  }

  async #writeAgain(sid: string): Promise<boolean> {
    const { twilio } = this.system;
    const calls = twilio.webhooks.filter(({ messageSid, kind }) => messageSid === sid && kind === 'inbound');
    const before = calls.length;
    const [first] = calls;
    if (first === undefined) throw new Error('No webhook was posted.');
    twilio.repeatWebhook(first.index);
    const again = await eventually('a repeated webhook', () => {
      const now = twilio.webhooks.filter(({ messageSid, kind }) => messageSid === sid && kind === 'inbound');
      return now[before];
    });
    return isTaken(again.status);
  }

  /** The desk's conversations with this customer, oldest first; those that the desk forgot are not among them. */
  get conversations(): DeskConversation[] {
    return this.system.desk.desk.conversations.filter(({ user }) => this.phones.has(user['phone']));
  }

  /** Ids of every conversation that was ever created for this customer, in order. */
  get conversationIds(): string[] {
    return this.system.desk.log.flatMap((entry) =>
      entry.kind === 'conversation' && this.phones.has(entry.user['phone']) ? [entry.conversationId] : [],
    );
  }

  /** Waits for the `n`-th conversation at the desk, from 1. */
  async conversation(n = 1): Promise<DeskConversation> {
    return eventually(`conversation ${n} of a customer`, () => this.conversations[n - 1], 30_000);
  }

  /** What the desk took from this customer, in order, over all conversations or in one. */
  textsAtDesk(conversationId?: string): string[] {
    const ids = new Set(conversationId === undefined ? this.conversationIds : [conversationId]);
    return this.system.desk.log.flatMap((entry) =>
      entry.kind === 'message' && entry.authorType === 'user' && ids.has(entry.conversationId)
        ? [entry.text]
        : [],
    );
  }

  /** What Twilio took for this customer's phone, in order. */
  textsAtPhone(): string[] {
    return this.system.twilio.log.flatMap((entry) =>
      (entry.kind === 'message' || entry.kind === 'reply') && entry.to === this.address ? [entry.body] : [],
    );
  }

  async atDesk(...texts: string[]): Promise<void> {
    await eventually(
      `${texts.length} texts at the desk`,
      () => texts.every((text) => this.textsAtDesk().includes(text)),
      60_000,
    );
  }

  async atPhone(...texts: string[]): Promise<void> {
    await eventually(
      `${texts.length} answers at the phone`,
      () => texts.every((text) => this.textsAtPhone().includes(text)),
      60_000,
    );
  }

  /** An agent takes the newest conversation. */
  async accept(agentId = 'agent-1'): Promise<DeskConversation> {
    await this.conversation();
    const conversation = await eventually('a conversation that is active', () => {
      const newest = this.conversations.at(-1);
      return newest?.state === 'active' ? newest : undefined;
    });
    this.system.desk.desk.accept(conversation, agentId);
    return conversation;
  }

  answer(conversation: DeskConversation, text: string, agentId = 'agent-1', force = false): void {
    this.system.desk.desk.sendAsAgent(conversation, agentId, text, force);
    this.answers.push(text);
  }
}

export interface TrafficShape {
  customers: number;
  textsEach: number;
  answersEach: number;
  /** How often a webhook without a 2xx is posted again. */
  repeats?: number;
}

/** Customers who all write at once while agents answer them: `customers × (textsEach + answersEach)` deliveries. */
export class Traffic {
  readonly customers: readonly Customer[];
  /** How long each webhook took to be answered. */
  readonly durationsMs: number[] = [];

  constructor(
    system: System,
    private readonly shape: TrafficShape,
  ) {
    this.customers = Array.from({ length: shape.customers }, () => new Customer(system));
  }

  /** Resolves when everything is written; nothing need be delivered by then but the first text of each. */
  async write(): Promise<void> {
    await Promise.all(
      this.customers.map((customer) => Promise.all([this.#text(customer), this.#answer(customer)])),
    );
  }

  /** Resolves when everything has arrived where it should. */
  async arrived(timeoutMs?: number): Promise<void> {
    await arrived(this.customers, timeoutMs);
  }

  async #text(customer: Customer): Promise<void> {
    for (let n = 1; n <= this.shape.textsEach; n += 1) {
      const { durationMs } = await customer.write(customer.text(`text ${n}`), this.shape.repeats);
      this.durationsMs.push(durationMs);
    }
  }

  async #answer(customer: Customer): Promise<void> {
    if (this.shape.answersEach === 0) return;
    const conversation = await customer.accept();
    for (let n = 1; n <= this.shape.answersEach; n += 1) {
      customer.answer(conversation, customer.text(`answer ${n}`));
      // Agents take a moment between two answers, so that both directions run beside each other.
      await sleep(20);
    }
  }
}

/** Resolves when everything that these customers and their agents wrote has arrived where it should. */
export async function arrived(customers: readonly Customer[], timeoutMs = 60_000): Promise<void> {
  const missing = (): string[] =>
    customers.flatMap((customer) => {
      const [desk, phone] = [new Set(customer.textsAtDesk()), new Set(customer.textsAtPhone())];
      return [
        ...customer.written.filter((text) => !desk.has(text)),
        ...customer.answers.filter((text) => !phone.has(text)),
      ];
    });
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const left = missing();
    if (left.length === 0) return;
    if (performance.now() > deadline) throw new Error(`Never arrived: ${left.length}, first "${left[0]}"`);
    await sleep(100);
  }
}

function isTaken(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

function pad(start: string, size: number): string {
  let text = start;
  for (let word = 1; text.length < size; word += 1) text += ` word${word}`;
  return text.slice(0, size).trimEnd();
}
