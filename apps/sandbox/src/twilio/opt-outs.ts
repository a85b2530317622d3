const STOP_WORDS = new Set(['STOP', 'STOPALL', 'UNSUBSCRIBE', 'END', 'QUIT', 'CANCEL', 'REVOKE', 'OPTOUT']);
const START_WORDS = new Set(['START', 'UNSTOP', 'YES']);
const HELP_WORDS = new Set(['HELP', 'INFO']);

export type OptOutType = 'STOP' | 'START' | 'HELP';

const REPLIES: Record<OptOutType, string> = {
  STOP: 'You have successfully been unsubscribed. You will not receive any more messages from this number. Reply START to resubscribe.',
  START:
    'You have successfully been re-subscribed to messages from this number. Reply HELP for help. Reply STOP to unsubscribe.',
  HELP: 'Reply STOP to unsubscribe.',
};

/** What a keyword did. */
export interface HeardKeyword {
  type: OptOutType;
  /** What Twilio answers by itself; nothing when the keyword changed nothing. */
  reply: string | undefined;
}

/** Which customers do not want to hear from which of our numbers or Messaging Services. */
export class OptOuts {
  readonly #pairs = new Set<string>();

  /** @param ours a number, or the SID of a service */
  has(ours: string, customer: string): boolean {
    return this.#pairs.has(`${ours}|${customer}`);
  }

  set(ours: string, customer: string, optedOut: boolean): void {
    if (optedOut) this.#pairs.add(`${ours}|${customer}`);
    else this.#pairs.delete(`${ours}|${customer}`);
  }

  /** A text that is a keyword as a whole, in any case, changes the pair; the text is forwarded all the same. */
  hear(ours: string, customer: string, text: string): HeardKeyword | undefined {
    const type = keyword(text);
    if (type === undefined) return undefined;
    const before = this.has(ours, customer);
    if (type !== 'HELP') this.set(ours, customer, type === 'STOP');
    // Nobody who is out already hears of it again, and HELP is not answered to them.
    const answered = type === 'START' ? before : !before;
    return { type, reply: answered ? REPLIES[type] : undefined };
  }

  clear(): void {
    this.#pairs.clear();
  }
}

function keyword(text: string): OptOutType | undefined {
  const word = text.trim().toUpperCase();
  if (STOP_WORDS.has(word)) return 'STOP';
  if (START_WORDS.has(word)) return 'START';
  return HELP_WORDS.has(word) ? 'HELP' : undefined;
}
