import { ControlError } from '../common/control.js';
import type { StoredMessage } from './messages.js';

/** How the next messages that match will end. */
export interface Outcome {
  to?: string;
  /** In the body. */
  contains?: string;
  finalStatus: 'delivered' | 'read' | 'undelivered' | 'failed';
  errorCode?: number;
  /** 1 by default, null = until the reset. */
  times?: number | null;
}

const MAX_PENDING = 10_000;

/** The ends that were ordered; the first that matches a message is its own. */
export class Outcomes {
  #pending: Outcome[] = [];

  order(outcome: Outcome): Outcome {
    if (this.#pending.length >= MAX_PENDING) throw new ControlError(409, 'too many outcomes wait');
    const kept = { ...outcome, times: outcome.times === undefined ? 1 : outcome.times };
    this.#pending.push(kept);
    return kept;
  }

  take(message: StoredMessage): Outcome | undefined {
    const found = this.#pending.find(
      ({ to, contains }) =>
        (to === undefined || to === message.to) &&
        (contains === undefined || message.body.includes(contains)),
    );
    if (found !== undefined && typeof found.times === 'number') {
      found.times -= 1;
      if (found.times <= 0) this.#pending = this.#pending.filter((other) => other !== found);
    }
    return found;
  }

  clear(): void {
    this.#pending = [];
  }
}
