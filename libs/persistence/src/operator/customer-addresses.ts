import { In, type DataSource } from 'typeorm';
import type { Channel } from '#core';
import { CustomerAlias } from '../entities/customer-alias.js';

const WHATSAPP = 'whatsapp:';

/** An address as a provider writes it, `whatsapp:+15550100`, as an alias is stored: the channel and the bare value. */
function aliasOf(address: string): { channel: Channel; value: string } {
  return address.startsWith(WHATSAPP)
    ? { channel: 'whatsapp', value: address.slice(WHATSAPP.length) }
    : { channel: 'sms', value: address };
}

/** The customers known by this address: whoever writes to several tenants is one of each. */
export async function customersAt(
  dataSource: DataSource,
  tenantIds: readonly string[],
  address: string,
): Promise<string[]> {
  const aliases = await dataSource
    .getRepository(CustomerAlias)
    .findBy({ tenantId: In(tenantIds), ...aliasOf(address) });
  return aliases.map(({ customerId }) => customerId);
}

/** Every address of these customers, the first known first. */
export async function addressesOf(
  dataSource: DataSource,
  customerIds: string[],
): Promise<Map<string, string[]>> {
  if (customerIds.length === 0) return new Map();
  const aliases = await dataSource.getRepository(CustomerAlias).find({
    where: { customerId: In([...new Set(customerIds)]) },
    order: { createdAt: 'ASC', channel: 'ASC', value: 'ASC' },
  });
  const byCustomer = Map.groupBy(aliases, (alias) => alias.customerId);
  return new Map(
    [...byCustomer].map(([id, own]) => [
      id,
      own.map(({ channel, value }) => (channel === 'whatsapp' ? WHATSAPP + value : value)),
    ]),
  );
}
