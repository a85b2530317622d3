import { In, LessThan } from 'typeorm';
import { v7 as uuid } from 'uuid';
import type { Channel, NumberSettings, WakeUps } from '#core';
import { BusinessNumber } from '../entities/business-number.js';
import { actorValues, recordAct, type Actor } from './operator-audit.js';
import { isStillReferenced, type OperatorDatabase } from './operator-database.js';
import { pageOf, type Page, type PageRequest } from './page.js';
import { CONFIGURABLE_REASONS, releaseHeld } from './release-held.js';

/** What an operator says of a number at first. */
export interface NewNumber {
  /** Who owns the account. */
  tenantId: string;
  address: string;
  channel: Channel;
  accountSid: string;
  chatGatewayChannelId: string;
  messagingServiceSid?: string | null;
  displayName?: string | null;
  queueId?: string | null;
  language?: string | null;
  settings?: NumberSettings;
}

export interface NumberFilter {
  tenantId?: string;
}

/** What can be changed later: an absent field stays, null takes an optional one away, settings are replaced whole. */
export interface NumberChanges {
  chatGatewayChannelId?: string;
  messagingServiceSid?: string | null;
  displayName?: string | null;
  queueId?: string | null;
  language?: string | null;
  settings?: NumberSettings;
}

/** Business numbers, as operators make and change them. */
export class OperatorNumbers {
  constructor(
    private readonly database: OperatorDatabase,
    private readonly wakeUps: WakeUps,
  ) {}

  /** Makes a number, or configures one that customers have written to already. Undefined: it is configured. */
  async configure(number: NewNumber, by: Actor): Promise<BusinessNumber | undefined> {
    const dataSource = await this.database.connect();
    const rows = await dataSource.query<{ id: string }[]>(
      `insert into business_numbers as n (id, tenant_id, channel, account_sid, address, messaging_service_sid,
         display_name, state, chat_gateway_channel_id, queue_id, language, settings, configured_at)
       values ($1, $2, $3, $4, $5, $6, $7, 'configured', $8, $9, $10, coalesce($11::jsonb, '{}'), clock_timestamp())
       on conflict (tenant_id, account_sid, address) do update set state = 'configured',
         -- what was seen in a customer's message stays where the operator says nothing
         messaging_service_sid = coalesce(excluded.messaging_service_sid, n.messaging_service_sid),
         display_name = excluded.display_name, chat_gateway_channel_id = excluded.chat_gateway_channel_id,
         queue_id = excluded.queue_id, language = excluded.language, settings = excluded.settings,
         configured_at = excluded.configured_at, updated_at = clock_timestamp()
       where n.state = 'unconfigured'
       returning n.id, record_act($2, $12, $13, 'number.configure', 'number', n.id, jsonb_build_object('address', $5::text))`,
      [
        uuid(),
        number.tenantId,
        number.channel,
        number.accountSid,
        number.address,
        number.messagingServiceSid ?? null,
        number.displayName ?? null,
        number.chatGatewayChannelId,
        number.queueId ?? null,
        number.language ?? null,
        number.settings && JSON.stringify(number.settings),
        ...actorValues(by),
      ],
    );
    const id = rows[0]?.id;
    if (id === undefined) return undefined;
    await this.release(id);
    return await this.get(id);
  }

  /** The newest first. */
  async list({ tenantId }: NumberFilter, page: PageRequest): Promise<Page<BusinessNumber>> {
    const dataSource = await this.database.connect();
    const rows = await dataSource.getRepository(BusinessNumber).find({
      where: {
        tenantId: In(this.database.among(tenantId)),
        ...(page.after !== undefined && { id: LessThan(page.after) }),
      },
      order: { id: 'DESC' },
      take: page.limit + 1,
    });
    return pageOf(rows, page.limit);
  }

  async get(id: string): Promise<BusinessNumber | undefined> {
    const dataSource = await this.database.connect();
    const where = { id, tenantId: In(this.database.tenantIds) };
    return (await dataSource.getRepository(BusinessNumber).findOneBy(where)) ?? undefined;
  }

  /** What waits for a right configuration is tried again, whatever was changed: the fault may lie at the far side. */
  async change(
    id: string,
    changes: NumberChanges,
    by: Actor,
  ): Promise<'changed' | 'unconfigured' | 'unknown'> {
    const dataSource = await this.database.connect();
    const number = await this.get(id);
    if (!number) return 'unknown';
    const { tenantId } = number;
    const changed = await dataSource.transaction(async (manager) => {
      const { affected } = await manager
        .createQueryBuilder()
        .update(BusinessNumber)
        .set({ ...changes, updatedAt: () => 'clock_timestamp()' })
        .where({ id, tenantId, state: 'configured' })
        .execute();
      if (affected === 0) return false;
      const fields = Object.entries(changes)
        .flatMap(([name, value]) => (value === undefined ? [] : [name]))
        .sort();
      await recordAct(manager, tenantId, by, 'number.change', { kind: 'number', id }, { fields });
      return true;
    });
    if (!changed) return (await this.get(id)) ? 'unconfigured' : 'unknown';
    await this.release(id);
    return 'changed';
  }

  /** Refused by Postgres itself where customers have written to the number. */
  async remove(id: string, by: Actor): Promise<'removed' | 'in-use' | 'unknown'> {
    const dataSource = await this.database.connect();
    try {
      return await dataSource.transaction(async (manager) => {
        const number = await manager.findOneBy(BusinessNumber, { id, tenantId: In(this.database.tenantIds) });
        if (!number) return 'unknown';
        const { tenantId, address, accountSid } = number;
        const { affected } = await manager.delete(BusinessNumber, { id, tenantId });
        if (affected === 0) return 'unknown';
        await manager.query(
          'delete from provisioned_webhooks where tenant_id = $1 and account_sid = $2 and address = $3',
          [tenantId, accountSid, address],
        );
        await recordAct(manager, tenantId, by, 'number.delete', { kind: 'number', id }, { address });
        return 'removed';
      });
    } catch (error) {
      if (isStillReferenced(error)) return 'in-use';
      throw error;
    }
  }

  /**
   * Opens what was held for this number and wakes its lanes. After the commit of the change, so that whoever claims
   * one of these lanes from now on sees it.
   */
  private async release(id: string): Promise<void> {
    const dataSource = await this.database.connect();
    const lanes = await releaseHeld(
      (text, values) => dataSource.query(text, values),
      CONFIGURABLE_REASONS,
      id,
    );
    this.wakeUps.wake(lanes);
  }
}
