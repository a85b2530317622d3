import { explain, type Direction, type ProviderWords } from '#core';
import type { Attempt, ShownMessage } from '#persistence';

/** Says in plain words why messages are where they are. Who speaks is whom the last attempt went to. */
export class Explanations {
  constructor(private readonly words: Record<Direction | 'bot', ProviderWords>) {}

  of({ message, parts }: ShownMessage): string | undefined {
    const last = parts
      .flatMap(({ attempts }) => attempts)
      .reduce<Attempt | undefined>(
        (newest, attempt) => (newest && newest.id > attempt.id ? newest : attempt),
        undefined,
      );
    const { delivery, reason, providerCode, direction } = message;
    return explain(
      { delivery, reason, providerCode, errorCode: last?.errorCode ?? null },
      this.words[last?.destination ?? direction],
    );
  }
}
