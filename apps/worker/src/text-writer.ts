import { renderText, type WakeUps } from '#core';
import type { DueTexts } from '#persistence';
import type { Metrics } from '#platform';

const MAX_TEXTS = 100;
const REMEMBERED_MS = 30 * 24 * 60 * 60 * 1000;

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
      await due.post(MAX_TEXTS, ({ texts, kind, languages, variables }) => {
        const text = renderText(texts, kind, languages, variables);
        if (text) metrics.customerTexts.inc({ kind });
        return text;
      }),
    );
  }

  async forget(): Promise<void> {
    await this.options.due.forget(REMEMBERED_MS);
  }
}
