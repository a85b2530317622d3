import { chooseText, fillText, usesVariable, type WakeUps } from '#core';
import type { DueTexts, PendingText, WriteText } from '#persistence';
import type { Metrics } from '#platform';

const MAX_TEXTS = 100;
const REMEMBERED_MS = 30 * 24 * 60 * 60 * 1000;
/** One of the desk's two events about a joining has the agent's name; it may be the second. */
const NAME_PATIENCE_MS = 1_000;

export interface TextWriterOptions {
  due: DueTexts;
  wakeUps: WakeUps;
  metrics: Metrics;
}

/** Writes what customers are told, in their language, with their number's texts. */
export class TextWriter {
  constructor(private readonly options: TextWriterOptions) {}

  async run(): Promise<void> {
    const { due, wakeUps, metrics } = this.options;
    wakeUps.wake(
      await due.post(MAX_TEXTS, (text) => {
        const said = write(text);
        if (typeof said === 'object') metrics.customerTexts.inc({ kind: text.kind });
        return said;
      }),
    );
  }

  async forget(): Promise<void> {
    await this.options.due.forget(REMEMBERED_MS);
  }
}

function write({ texts, kind, languages, variables, ageMs }: PendingText): ReturnType<WriteText> {
  const template = chooseText(texts, kind, languages);
  if (template === undefined) return undefined;
  const isNameless = variables['name'] === undefined && usesVariable(template, 'name');
  if (isNameless && kind === 'agentJoined' && ageMs < NAME_PATIENCE_MS) return 'later';
  const text = fillText(template, variables);
  return text ? { text } : undefined;
}
