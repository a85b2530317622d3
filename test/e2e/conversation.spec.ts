import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisMissing } from '../support/redis.js';
import { startSystem, type System } from '../support/system.js';
import { Customer } from '../support/traffic.js';

const noRedis = redisMissing();
if (noRedis) console.warn(`Skipped on Redis: ${noRedis}.`);

describe.each([
  { queues: 'redis' as const, skipped: noRedis !== undefined },
  { queues: 'postgres' as const, skipped: false },
])('a conversation, queues on $queues', ({ queues, skipped }) => {
  describe.skipIf(skipped)('every webhook sent twice', () => {
    let system: System;
    beforeAll(async () => {
      system = await startSystem({
        queues,
        gateways: 2,
        twilio: { webhookCopies: 2 },
        desk: { webhookCopies: 2 },
      });
    });
    afterAll(async () => system?.stop());

    it('brings five texts of each of twenty customers to an agent and five answers back', async () => {
      const customers = Array.from(
        { length: 20 },
        (_, index) => new Customer(system, index % 5 === 0 ? 'whatsapp' : 'sms'),
      );
      await Promise.all(
        customers.map(async (customer) => {
          for (let n = 1; n <= 5; n += 1) await customer.write(customer.text(`text ${n}`));
        }),
      );
      await Promise.all(
        customers.map(async (customer) => {
          const conversation = await customer.accept();
          for (let n = 1; n <= 5; n += 1) {
            await customer.atDesk(customer.text(`text ${n}`));
            customer.answer(conversation, customer.text(`answer ${n}`));
          }
          await customer.atPhone(...customer.answers);
        }),
      );
      for (const customer of customers) {
        expect(customer.conversationIds).toHaveLength(1);
        expect(customer.written).toHaveLength(5);
        expect(customer.textsAtDesk()).toEqual(customer.written);
        expect(customer.textsAtPhone()).toEqual(customer.answers);
      }
    });
  });
});
