import { callThrough, DeliveryError, isRefusal, type DeskPort, type ProviderGate } from '#core';
import type { Upkeep } from '#persistence';
import type { Logger } from '#platform';

/**
 * Ends conversations at the desk that nobody of ours will use: orphans of a create whose answer was lost, and those
 * that an operator or a silent customer closed. Tried until the desk has taken it.
 */
export class Endings {
  constructor(
    private readonly upkeep: Upkeep,
    private readonly desk: DeskPort,
    private readonly gate: ProviderGate,
    private readonly timeoutMs: number,
    private readonly logger: Logger,
  ) {}

  async run(): Promise<void> {
    const endings = await this.upkeep.takeEndings(this.timeoutMs * 2);
    await Promise.all(endings.map(({ tenantId, id }) => this.end(tenantId, id)));
  }

  private async end(tenantId: string, id: string): Promise<void> {
    const permit = await this.gate.enter({ provider: 'desk', tenantId, kind: 'end' });
    if (isRefusal(permit)) return;
    try {
      await callThrough(permit, () => this.desk.endConversation(id, { tenantId, timeoutMs: this.timeoutMs }));
      await this.upkeep.ended(tenantId, id);
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      this.logger.warn({ code: error.code }, 'A conversation could not be ended at the desk yet.');
    }
  }
}
