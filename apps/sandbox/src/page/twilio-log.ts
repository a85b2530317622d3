import type { TwilioSimulator } from '../twilio/simulator.js';

/** What Twilio itself answered to STOP, START or HELP. */
export interface OptOutReply {
  sid: string;
  /** The business number. */
  from: string;
  body: string;
  at: string;
}

/** What Twilio's log says beside messages; reads each entry once. */
export class TwilioLog {
  /** When a typing indicator last named each customer's message, by its sid; epoch milliseconds. */
  readonly #typing = new Map<string, number>();
  readonly #replies = new Map<string, OptOutReply[]>();
  #read = 0;

  constructor(private readonly twilio: TwilioSimulator) {}

  typingAt(sid: string): number | undefined {
    this.#readOn();
    return this.#typing.get(sid);
  }

  /** Oldest first. */
  repliesTo(customer: string): readonly OptOutReply[] {
    this.#readOn();
    return this.#replies.get(customer) ?? [];
  }

  #readOn(): void {
    const { log } = this.twilio;
    // Cleared by a reset.
    if (log.length < this.#read) this.#forget();
    for (; this.#read < log.length; this.#read += 1) {
      const entry = log[this.#read];
      if (entry?.kind === 'typing') this.#typing.set(entry.messageSid, Date.parse(entry.at));
      if (entry?.kind !== 'opt-out-reply') continue;
      const { sid, from, to, body, at } = entry;
      this.#replies.set(to, [...(this.#replies.get(to) ?? []), { sid, from, body, at }]);
    }
  }

  #forget(): void {
    this.#typing.clear();
    this.#replies.clear();
    this.#read = 0;
  }
}
