import type { ConversationFacts, NumberSettings } from '#core';
import { DueTexts } from '#persistence';
import { Metrics } from '#platform';
import { TextWriter } from '../../apps/worker/src/text-writer.js';
import { deskEvent, makeNumber, type TestDatabase } from './accepting.js';
import { newThread, type Delivery, type TestThread } from './delivering.js';

let numbers = 0;

/** A customer of a number that has settings of its own, and the contact centre where their conversations are. */
export class Talk {
  /** The far side's clock. */
  at = 10_000;

  private constructor(
    private readonly db: TestDatabase,
    private readonly delivery: Delivery,
    readonly number: string,
    readonly thread: TestThread,
    private readonly texts: TextWriter,
  ) {}

  /** The customer has written `text`, and the desk has the conversation. */
  static async start(
    db: TestDatabase,
    delivery: Delivery,
    settings: NumberSettings,
    { text = 'hello', channel = 'sms' }: { text?: string; channel?: 'sms' | 'whatsapp' } = {},
  ): Promise<Talk> {
    numbers += 1;
    const bare = `+1557${String(numbers).padStart(7, '0')}`;
    const number = channel === 'sms' ? bare : `whatsapp:${bare}`;
    await makeNumber(db.pool, { address: number, channel });
    const thread = await newThread(db, [text], {
      address: number,
      ...(channel === 'whatsapp' && { channel }),
    });
    const texts = new TextWriter({
      due: new DueTexts(db.pool),
      wakeUps: { wake: (lanes) => void delivery.wakeUps.push(...lanes) },
      metrics: new Metrics({ processMetrics: false }),
    });
    const talk = new Talk(db, delivery, number, thread, texts);
    await talk.sets(settings);
    await talk.delivered();
    return talk;
  }

  /** The number's settings are these from now on. */
  async sets(settings: NumberSettings): Promise<void> {
    await this.db.pool.query('update business_numbers set settings = $2 where id = $1', [
      this.thread.numberId,
      settings,
    ]);
  }

  async says(text: string): Promise<void> {
    await this.thread.says(text);
  }

  /** Everything that the customer wrote is at the desk. */
  async delivered(): Promise<void> {
    await this.delivery.drainEmpty(this.thread.inbound);
  }

  /** The newest conversation, and that of the desk. */
  async conversation(): Promise<{ id: string; deskId: string; state: string; close_reason: string | null }> {
    const newest = (await this.thread.conversations()).at(-1);
    if (!newest?.desk_conversation_id) throw new Error('There is no conversation at the desk.');
    return { ...newest, deskId: newest.desk_conversation_id };
  }

  /** The desk tells of something, now by its clock; answers the event, which can come again. */
  async happens(
    facts: (at: number) => ConversationFacts,
    deskId?: string,
  ): Promise<ReturnType<typeof deskEvent>> {
    this.at += 1_000;
    const event = deskEvent({
      deskConversationId: deskId ?? (await this.conversation()).deskId,
      occurredAt: this.at,
      facts: facts(this.at),
    });
    await this.db.gateway.accept([event]);
    return event;
  }

  joins(id: string, name?: string) {
    return this.happens((at) => ({
      state: { value: 'active', at },
      agents: { [id]: { joinedAt: at, ...(name !== undefined && { name }) } },
    }));
  }

  leaves(id: string) {
    return this.happens((at) => ({ agents: { [id]: { leftAt: at } } }));
  }

  /** The agent hands it to a queue. */
  async transfers(id: string): Promise<void> {
    await this.happens((at) => ({ transferAt: at }));
    await this.leaves(id);
    await this.happens((at) => ({ queue: { value: '200', at } }));
  }

  idles() {
    return this.happens((at) => ({ state: { value: 'idle', at } }));
  }

  /** The grace after the last agent's leaving is over. */
  async graceEnds(): Promise<void> {
    await this.db.pool.query(
      `update conversations set close_due_at = clock_timestamp() - interval '1 ms' where thread_id = $1 and close_due_at is not null`,
      [this.thread.threadId],
    );
    await this.delivery.upkeep.closeDue();
  }

  /** Writes what is due, and answers all that has reached the customer so far. */
  async told(): Promise<string[]> {
    await this.texts.run();
    await this.delivery.drainEmpty(this.thread.outbound);
    return this.delivery.channel.texts(this.thread.address);
  }

  /** The same once nobody waits for an agent's name any more. */
  async toldLater(): Promise<string[]> {
    await this.db.pool.query(
      `update texts_due set created_at = created_at - interval '5 seconds' where thread_id = $1`,
      [this.thread.threadId],
    );
    return this.told();
  }
}
