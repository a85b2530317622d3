const STOP_WORDS = new Set(['STOP', 'STOPALL', 'UNSUBSCRIBE', 'END', 'QUIT', 'CANCEL', 'REVOKE', 'OPTOUT']);
const START_WORDS = new Set(['START', 'UNSTOP', 'YES']);

/** Which customers do not want to hear from which of our numbers. */
export class OptOuts {
  readonly #pairs = new Set<string>();

  has(ours: string, customer: string): boolean {
    return this.#pairs.has(`${ours}|${customer}`);
  }

  set(ours: string, customer: string, optedOut: boolean): void {
    if (optedOut) this.#pairs.add(`${ours}|${customer}`);
    else this.#pairs.delete(`${ours}|${customer}`);
  }

  /** A text that is a keyword as a whole, in any case, changes the pair; the text is forwarded all the same. */
  hear(ours: string, customer: string, text: string): void {
    const word = text.trim().toUpperCase();
    if (STOP_WORDS.has(word)) this.set(ours, customer, true);
    if (START_WORDS.has(word)) this.set(ours, customer, false);
  }

  clear(): void {
    this.#pairs.clear();
  }
}
