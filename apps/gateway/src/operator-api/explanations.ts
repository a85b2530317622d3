import { explain, type Direction, type ProviderWords } from '#core';
import type { ShownMessage } from '#persistence';

/** Says in plain words why messages are where they are. Which provider speaks follows from the direction. */
export class Explanations {
  constructor(private readonly words: Record<Direction, ProviderWords>) {}

  of({ message, parts }: ShownMessage): string | undefined {
    const last = parts
      .flatMap(({ attempts }) => attempts)
      .reduce<{ id: string; errorCode: string | null } | undefined>(
        (newest, attempt) => (newest && newest.id > attempt.id ? newest : attempt),
        undefined,
      );
    const { delivery, reason, providerCode, direction } = message;
    return explain(
      { delivery, reason, providerCode, errorCode: last?.errorCode ?? null },
      this.words[direction],
    );
  }
}
