import { isTaken } from '../common/webhook-post.js';
import type { TwilioSimulator } from '../twilio/simulator.js';

/** What became of each inbound text's webhook; reads each entry of Twilio's log once. */
export class WebhookAnswers {
  readonly #taken = new Map<string, boolean>();
  #read = 0;

  constructor(private readonly twilio: TwilioSimulator) {}

  of(sid: string): 'sending' | 'accepted' | 'refused' {
    this.#readOn();
    const taken = this.#taken.get(sid);
    if (taken === undefined) return 'sending';
    return taken ? 'accepted' : 'refused';
  }

  #readOn(): void {
    const { webhooks } = this.twilio;
    // Cleared by a reset.
    if (webhooks.length < this.#read) this.#read = 0;
    for (; this.#read < webhooks.length; this.#read += 1) {
      const call = webhooks[this.#read];
      if (call?.kind !== 'inbound') continue;
      // Of several copies one that was taken is enough.
      const taken = isTaken(call.status) || this.#taken.get(call.messageSid) === true;
      this.#taken.set(call.messageSid, taken);
    }
  }
}
