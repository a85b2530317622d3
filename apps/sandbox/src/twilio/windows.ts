/** WhatsApp's windows: a customer's text opens one for the number it was sent to. */
export class Windows {
  readonly #lastTexts = new Map<string, number>();
  readonly #forced = new Map<string, boolean>();

  /** @param addresses the customer's: number and business-scoped id */
  hear(ours: string, addresses: readonly string[]): void {
    for (const address of addresses) {
      this.#lastTexts.set(`${ours}|${address}`, Date.now());
      this.#forced.delete(`${ours}|${address}`);
    }
  }

  isOpen(ours: string, customer: string, windowMs: number): boolean {
    const key = `${ours}|${customer}`;
    return this.#forced.get(key) ?? Date.now() - (this.#lastTexts.get(key) ?? -Infinity) < windowMs;
  }

  /** Until the customer's next text. */
  force(ours: string, customer: string, open: boolean): void {
    this.#forced.set(`${ours}|${customer}`, open);
  }

  clear(): void {
    this.#lastTexts.clear();
    this.#forced.clear();
  }
}
