import {
  attachmentsOf,
  callThrough,
  DeliveryError,
  isRefusal,
  type ChannelPort,
  type ProviderGate,
} from '#core';
import type { MediaDeletion, MediaDeletions } from '#persistence';
import type { Logger } from '#platform';

const MESSAGES_AT_ONCE = 20;

/** Deletes customers' media at the channel's provider once they were handed over, where their number wants that. */
export class MediaDeleting {
  constructor(
    private readonly deletions: MediaDeletions,
    private readonly channel: ChannelPort,
    private readonly gate: ProviderGate,
    private readonly timeoutMs: number,
    private readonly logger: Logger,
  ) {}

  async run(): Promise<void> {
    const due = await this.deletions.take(MESSAGES_AT_ONCE, this.timeoutMs * 2);
    await Promise.all(due.map((deletion) => this.delete(deletion)));
  }

  /** One that was deleted before is not there any more, which is as good: so a message begins anew after a failure. */
  private async delete({ messageId, tenantId, account, content, indexes }: MediaDeletion): Promise<void> {
    try {
      for (const [index, { url }] of attachmentsOf(content).entries()) {
        // What was not handed over is there and nowhere else.
        if (url === undefined || !indexes.includes(index)) continue;
        const permit = await this.gate.enter({ provider: 'channel', kind: 'end', tenantId, account });
        if (isRefusal(permit)) return;
        await callThrough(permit, () =>
          this.channel.deleteMedia({ account, url }, { timeoutMs: this.timeoutMs }),
        );
      }
      await this.deletions.done(messageId);
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      this.logger.warn({ code: error.code }, 'Media could not be deleted at the provider yet.');
    }
  }
}
