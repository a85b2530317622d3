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
  /** Given beforehand where something else has named it already. */
  id?: string;
  address: string;
  channel: Channel;
  accountSid: string;
  chatGatewayChannelId: string;
  chatGatewayWebhookId?: string | null;
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
  chatGatewayWebhookId?: string | null;
  messagingServiceSid?: string | null;
  displayName?: string | null;
  queueId?: string | null;
  language?: string | null;
  settings?: NumberSettings;
}

/** How a number's channel at the desk is used; see {@link OperatorNumbers.deskUse}. */
export interface DeskUse {
  sharing: number;
  following: number;
  freed: string[];
  open: number;
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
         display_name, state, chat_gateway_channel_id, chat_gateway_webhook_id, queue_id, language, settings, configured_at)
       values ($1, $2, $3, $4, $5, $6, $7, 'configured', $8, $9, $10, $11, coalesce($12::jsonb, '{}'), clock_timestamp())
       on conflict (tenant_id, account_sid, address) do update set state = 'configured',
         -- what was seen in a customer's message stays where the operator says nothing
         messaging_service_sid = coalesce(excluded.messaging_service_sid, n.messaging_service_sid),
         display_name = excluded.display_name, chat_gateway_channel_id = excluded.chat_gateway_channel_id,
         chat_gateway_webhook_id = excluded.chat_gateway_webhook_id, queue_id = excluded.queue_id, language = excluded.language, settings = excluded.settings,
         configured_at = excluded.configured_at, updated_at = clock_timestamp()
       where n.state = 'unconfigured'
       returning n.id, record_act($2, $13, $14, 'number.configure', 'number', n.id, jsonb_build_object('address', $5::text))`,
      [
        number.id ?? uuid(),
        number.tenantId,
        number.channel,
        number.accountSid,
        number.address,
        number.messagingServiceSid ?? null,
        number.displayName ?? null,
        number.chatGatewayChannelId,
        number.chatGatewayWebhookId ?? null,
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
        // A webhook belongs to its channel: with another channel it is unknown until it is said.
        .set({
          ...(changes.chatGatewayChannelId !== undefined && { chatGatewayWebhookId: null }),
          ...changes,
          updatedAt: () => 'clock_timestamp()',
        })
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

  async find(accountSid: string, address: string): Promise<BusinessNumber | undefined> {
    const dataSource = await this.database.connect();
    const where = { tenantId: In(this.database.tenantIds), accountSid, address };
    return (await dataSource.getRepository(BusinessNumber).findOneBy(where)) ?? undefined;
  }

  /** The number has this channel at the desk from now on, and is configured. */
  async connectDesk(
    id: string,
    { channelId, webhookId, queueId }: { channelId: string; webhookId: string; queueId?: string },
  ): Promise<void> {
    const dataSource = await this.database.connect();
    await dataSource.query(
      `update business_numbers set chat_gateway_channel_id = $3, chat_gateway_webhook_id = $4,
         queue_id = coalesce($5, queue_id), updated_at = clock_timestamp(),
         configured_at = case state when 'configured' then configured_at else clock_timestamp() end, state = 'configured'
       where id = $1 and tenant_id = any ($2::text[])`,
      [id, this.database.tenantIds, channelId, webhookId, queueId ?? null],
    );
    await this.release(id);
  }

  /** The number has no channel from now on: what customers write waits. */
  async disconnectDesk(id: string): Promise<void> {
    const dataSource = await this.database.connect();
    await dataSource.query(
      `update business_numbers set state = 'unconfigured', chat_gateway_channel_id = null,
         chat_gateway_webhook_id = null, updated_at = clock_timestamp()
       where id = $1 and tenant_id = any ($2::text[])`,
      [id, this.database.tenantIds],
    );
  }

  /**
   * Other numbers with the same channel at the desk, those of them that have no queue of their own, channels that no number
   * has any more, and this one's conversations that are not closed.
   * @param gone numbers to be counted as if they had no channel any more
   */
  async deskUse(number: BusinessNumber, gone: readonly string[] = []): Promise<DeskUse> {
    const dataSource = await this.database.connect();
    const rows = await dataSource.query<DeskUse[]>(
      `with other as (
         select n.queue_id from business_numbers n
         where n.tenant_id = $1 and n.chat_gateway_channel_id = $3 and n.id <> $2 and n.id <> all ($4::uuid[])
       )
       select (select count(*)::int from other) as sharing,
              (select count(*)::int from other where queue_id is null) as following,
              array(select distinct g.chat_gateway_channel_id from business_numbers g
                    where g.tenant_id = $1 and g.id = any ($4::uuid[]) and g.chat_gateway_channel_id is not null
                      and not exists (select from business_numbers s
                        where s.tenant_id = $1 and s.chat_gateway_channel_id = g.chat_gateway_channel_id
                          and s.id <> all ($4::uuid[]))) as "freed",
              (select count(*)::int from conversations c where c.number_id = $2 and c.state <> 'closed') as open`,
      [number.tenantId, number.id, number.chatGatewayChannelId, gone],
    );
    return rows[0] ?? { sharing: 0, following: 0, freed: [], open: 0 };
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
