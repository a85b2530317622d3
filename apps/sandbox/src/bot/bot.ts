import type { Causeway, HandOver } from './causeway.js';
import { answer, type Known, NOTHING_KNOWN, propertiesOf, type Reply, startSurvey } from './dialogue.js';
import type { CustomerMessage } from './event.js';

const MAX_THREADS = 1000;
const MAX_HISTORY = 200;
const MAX_SEEN = 100;
/** The shortest that the desk takes. */
const SURVEY = { maxTotalMinutes: 20, userTimeoutMinutes: 10 };

interface Memory {
  known: Known;
  history: HandOver['history'];
  /** The conversation after which the customer was asked, so that they are asked once. */
  surveyed: string | undefined;
  /** Events that are done, newest last. */
  seen: readonly string[];
}

/**
 * A small bot in the manner of the published guide: it tells balances, hands over to agents, and asks afterwards. An event that
 * comes again is answered under the keys of the first time, so that nothing is said twice.
 */
export class Bot {
  readonly #memories = new Map<string, Memory>();
  /** One event of a thread after the other. */
  readonly #tails = new Map<string, Promise<void>>();

  constructor(private readonly causeway: Causeway) {}

  /** Resolves when everything is said; rejects where it must be told once more. */
  async hear(message: CustomerMessage): Promise<void> {
    const { threadId } = message;
    const turn = (this.#tails.get(threadId) ?? Promise.resolve()).then(async () => this.#hear(message));
    const tail = turn.catch(() => undefined);
    this.#tails.set(threadId, tail);
    try {
      await turn;
    } finally {
      if (this.#tails.get(threadId) === tail) this.#tails.delete(threadId);
    }
  }

  async #hear(message: CustomerMessage): Promise<void> {
    const { eventId, threadId, text } = message;
    const memory = this.#memories.get(threadId) ?? fresh();
    if (memory.seen.includes(eventId)) return;
    const { says, handOver, next } = replyTo(memory, message);
    const history = [
      ...memory.history,
      ...(text === '' ? [] : [{ authorType: 'user' as const, text }]),
      ...says.map((said) => ({ authorType: 'bot' as const, text: said })),
    ].slice(-MAX_HISTORY);
    for (const [n, said] of says.entries()) {
      await this.causeway.say({ threadId, text: said, idempotencyKey: `bot ${eventId} ${n}` });
    }
    if (handOver) {
      await this.causeway.handOver({
        threadId,
        user: { ...message.customer, properties: propertiesOf(next) },
        history,
        survey: SURVEY,
        idempotencyKey: `bot ${eventId} hand-over`,
      });
    }
    this.#remember(threadId, {
      known: handOver ? NOTHING_KNOWN : next,
      history: handOver ? [] : history,
      surveyed: message.afterAgentIn ?? memory.surveyed,
      seen: [...memory.seen, eventId].slice(-MAX_SEEN),
    });
  }

  /** The thread that was quiet longest is forgotten first. */
  #remember(threadId: string, memory: Memory): void {
    this.#memories.delete(threadId);
    this.#memories.set(threadId, memory);
    const [oldest] = this.#memories.keys();
    if (this.#memories.size > MAX_THREADS && oldest !== undefined) this.#memories.delete(oldest);
  }
}

function replyTo({ known, surveyed }: Memory, { text, afterAgentIn }: CustomerMessage): Reply {
  if (afterAgentIn !== undefined && afterAgentIn !== surveyed) return startSurvey();
  const inSurvey = known.place === 'rating' || known.place === 'comment';
  // The survey's time was up: they begin anew.
  return answer(inSurvey && afterAgentIn === undefined ? NOTHING_KNOWN : known, text);
}

function fresh(): Memory {
  return { known: NOTHING_KNOWN, history: [], surveyed: undefined, seen: [] };
}
