import { addressesOf } from './customer-addresses.js';
import { actorValues, type Actor } from './operator-audit.js';
import type { OperatorDatabase } from './operator-database.js';

/** A customer, and what they have said of our messages. */
export interface ShownCustomer {
  id: string;
  tenantId: string;
  name: string | null;
  addresses: string[];
  optOuts: { accountSid: string; sender: string; optedOut: boolean; changedAt: Date }[];
}

/** Customers, as operators see them. */
export class OperatorCustomers {
  constructor(private readonly database: OperatorDatabase) {}

  /** Whoever turned out to be somebody else is shown as them. */
  async get(id: string): Promise<ShownCustomer | undefined> {
    const dataSource = await this.database.connect();
    const [customer] = await dataSource.query<Pick<ShownCustomer, 'id' | 'tenantId' | 'name'>[]>(
      `with recursive c as (
         select * from customers where id = $1 and tenant_id = any ($2::text[])
         union all select n.* from c join customers n on n.id = c.merged_into
       )
       select id, tenant_id as "tenantId", name from c where merged_into is null`,
      [id, this.database.tenantIds],
    );
    if (!customer) return undefined;
    const optOuts = await dataSource.query<ShownCustomer['optOuts']>(
      `select account_sid as "accountSid", sender, opted_out as "optedOut", changed_at as "changedAt" from opt_outs
       where customer_id = $1 and tenant_id = $2 order by sender`,
      [customer.id, customer.tenantId],
    );
    const addresses = (await addressesOf(dataSource, [customer.id])).get(customer.id) ?? [];
    return { ...customer, addresses, optOuts };
  }

  /** Of everything that is sent by this number, or by its Messaging Service. Undefined where they never met. */
  async setOptOut(
    id: string,
    change: { numberId: string; optedOut: boolean },
    by: Actor,
  ): Promise<ShownCustomer | undefined> {
    const dataSource = await this.database.connect();
    const tenantId = await this.database.tenantOf('customers', id);
    if (tenantId === undefined) return undefined;
    const [answer] = await dataSource.query<{ done: boolean }[]>(
      'select set_opt_out($1, $2, $3, $4, $5, $6) as done',
      [tenantId, id, change.numberId, change.optedOut, ...actorValues(by)],
    );
    return answer?.done ? this.get(id) : undefined;
  }
}
