import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CannotStoreError, type InboundMessageReceived } from '#core';
import {
  acceptUncommitted,
  eventually,
  inboundMessage,
  makeNumber,
  newAddress,
  startTestDatabase,
  textsOf,
  transaction,
  waitsForLock,
  type TestDatabase,
} from '../support/accepting.js';
import {
  aliases,
  endGateways,
  introduce,
  lastOf,
  startGateway,
  type RecordingGateway,
} from '../support/recording-gateway.js';

let db: TestDatabase;

beforeAll(async () => {
  db = await startTestDatabase();
  await makeNumber(db.pool);
});
afterAll(async () => {
  await endGateways();
  await db.stop();
});

describe('introducing', () => {
  const introduced = async (...events: InboundMessageReceived[]): Promise<RecordingGateway> => {
    const gateway = startGateway(db);
    expect(await gateway.accept(events)).toEqual(events.map(() => 'accepted'));
    return gateway;
  };
  const ofCustomer = async (alias: string) =>
    (
      await db.pool.query(
        `select c.name, t.customer_address, b.address from customer_aliases a join customers c on c.id = a.customer_id
         join threads t on t.customer_id = c.id join business_numbers b on b.id = t.number_id
         where a.value = $1 order by b.address`,
        [alias],
      )
    ).rows as unknown[];

  it('makes customer and thread of a stranger, under the name that the text brings', async () => {
    const from = newAddress();
    const gateway = await introduced(inboundMessage({ from, profileName: 'A\0da', text: 'hello' }));
    expect(gateway.statements).toEqual(['introduce-threads', 'append-message']);
    expect(await ofCustomer(from)).toEqual([{ name: 'Ada', customer_address: from, address: '+15550100' }]);
    expect(await textsOf(db.pool, from)).toEqual(['hello']);
  });

  it('finds the thread of a customer whom another gateway knows, and makes nothing', async () => {
    const from = newAddress();
    await introduced(inboundMessage({ from, text: 'one' }));
    const gateway = await introduced(inboundMessage({ from, text: 'two' }));
    expect(gateway.statements).toEqual(['introduce-threads', 'append-message']);
    expect(await ofCustomer(from)).toHaveLength(1);
    expect(await textsOf(db.pool, from)).toEqual(['one', 'two']);
  });

  it('takes a stranger who comes twice at once for one, in order, and the last name', async () => {
    const from = newAddress();
    await introduced(
      inboundMessage({ from, text: 'one', profileName: 'Ada' }),
      inboundMessage({ from, text: 'two', profileName: 'Grace' }),
    );
    expect(await ofCustomer(from)).toMatchObject([{ name: 'Grace' }]);
    expect(await textsOf(db.pool, from)).toEqual(['one', 'two']);
  });

  it('takes a stranger who writes to two numbers at once for one, with two threads', async () => {
    const [from, other] = [newAddress(), '+15550111'];
    await makeNumber(db.pool, { address: other });
    await introduced(inboundMessage({ from }), inboundMessage({ from, to: other }));
    expect(await ofCustomer(from)).toMatchObject([{ address: '+15550100' }, { address: other }]);
  });

  it('leaves who has two names, or writes to a number nobody knows, to the statement that can', async () => {
    const [from, stranger] = [newAddress(), newAddress()];
    const gateway = await introduced(
      inboundMessage({ from, aliases: aliases(`US.${from}`, from) }),
      inboundMessage({ from: stranger, to: `+1888${stranger.slice(-7)}` }),
    );
    expect(gateway.statements).toEqual(['introduce-threads', 'accept-messages']);
    expect(await lastOf(db, (await textsOf(db.pool, from))[0] ?? '')).toMatchObject({
      aliases: [from, `US.${from}`],
    });
  });

  describe('who differs from text to text of one batch', () => {
    const [one, other] = [
      { to: '+15558881', serviceId: 'MG1' },
      { to: '+15558882', serviceId: 'MG1' },
    ];
    const customerOf = async (alias: string) =>
      (
        await db.pool.query(
          `select c.name, t.customer_address as address,
             (select array_agg(x.value order by x.value) from customer_aliases x where x.customer_id = c.id) as aliases
           from customer_aliases a join customers c on c.id = a.customer_id join threads t on t.customer_id = c.id
           where a.value = $1`,
          [alias],
        )
      ).rows[0] as unknown;
    // Two addresses of one service are one number, yet two lanes for the batcher.
    beforeAll(() => makeNumber(db.pool, { address: '+15550888', service: 'MG1' }));

    it('by name: has the last one', async () => {
      const from = newAddress();
      const gateway = await introduced(
        inboundMessage({ from, ...one, profileName: 'Ada' }),
        inboundMessage({ from, ...other, profileName: 'Grace' }),
      );
      await gateway.accept([inboundMessage({ from, ...other, profileName: 'Grace' })]);
      expect(await customerOf(from)).toMatchObject({ name: 'Grace' });
    });

    it('by another number of theirs: has both', async () => {
      const [from, second] = [newAddress(), newAddress()];
      await introduced(
        inboundMessage({ from, ...one, aliases: aliases(from) }),
        inboundMessage({ from, ...other, aliases: aliases(from, second) }),
      );
      expect(await customerOf(from)).toMatchObject({ aliases: [from, second] });
    });

    it('by where they write from: is answered there', async () => {
      const [from, moved] = [newAddress(), newAddress()];
      await introduced(
        inboundMessage({ from, ...one, aliases: aliases(`US.${from}`) }),
        inboundMessage({ from: moved, ...other, aliases: aliases(`US.${from}`) }),
      );
      expect(await customerOf(`US.${from}`)).toMatchObject({ address: moved });
    });

    it('is one person also where storing fails in between, and the provider tries again', async () => {
      const [from, second] = [newAddress(), newAddress()];
      let broken = true;
      const gateway = startGateway(db, (statement) => broken && statement === 'accept-messages');
      const texts = [
        inboundMessage({ from, aliases: aliases(from), text: 'one' }),
        inboundMessage({ from, aliases: aliases(from, second), text: 'two', profileName: 'Grace' }),
      ];
      await expect(gateway.accept(texts)).rejects.toThrow(CannotStoreError);
      broken = false;
      for (const text of texts.toReversed()) expect(await gateway.accept([text])).toEqual(['accepted']);
      await gateway.accept([inboundMessage({ from: second, aliases: aliases(second), text: 'three' })]);
      expect(await customerOf(from)).toMatchObject({ aliases: [from, second], name: 'Grace' });
      expect(await textsOf(db.pool, from)).toEqual(['two', 'one', 'three']);
    });
  });

  it('waits for nobody for long: whom another gateway is making is taken when that one is done', async () => {
    const [from, known] = [newAddress(), newAddress()];
    const gateway = startGateway(db);
    await introduce(gateway, { from: known });
    const { client, commit } = await transaction(db);
    await acceptUncommitted(client, [inboundMessage({ from, text: 'one' })]);
    const waiting = gateway.accept([inboundMessage({ from, text: 'two' })]);
    await eventually('it waits', () => waitsForLock(db, '%accept_messages%'));
    // Another batch, and a stranger in the same one, get through.
    const stranger = newAddress();
    const through = await gateway.accept([
      inboundMessage({ from: known }),
      inboundMessage({ from: stranger }),
    ]);
    expect(through).toEqual(['accepted', 'accepted']);
    await commit();
    expect(await waiting).toEqual(['accepted']);
    expect(await textsOf(db.pool, from)).toEqual(['one', 'two']);
  });
});
