import { isRecord } from '../common/http.js';
import type { ChatGatewaySimulator } from '../chat-gateway/simulator.js';

/** Up to when customers have read, as the Chat Gateway was told; reads each entry of its log once. */
export class ReadReceipts {
  /** Epoch milliseconds, by conversation. */
  readonly #readAt = new Map<string, number>();
  #read = 0;

  constructor(private readonly simulator: ChatGatewaySimulator) {}

  until(conversationId: string): number | undefined {
    this.#readOn();
    return this.#readAt.get(conversationId);
  }

  #readOn(): void {
    const { log } = this.simulator;
    // Cleared by a reset.
    if (log.length < this.#read) {
      this.#readAt.clear();
      this.#read = 0;
    }
    for (; this.#read < log.length; this.#read += 1) {
      const entry = log[this.#read];
      if (entry?.kind !== 'read-receipt' || !isRecord(entry.body)) continue;
      const { authorType, readAt } = entry.body;
      if (authorType !== 'user' || typeof readAt !== 'number') continue;
      const before = this.#readAt.get(entry.conversationId) ?? 0;
      this.#readAt.set(entry.conversationId, Math.max(before, readAt));
    }
  }
}
