import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { binaryArray } from '../../libs/persistence/src/accept/binary-array.js';
import { createPool, type Pool } from '#persistence';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

let server: TestPostgres;
let pool: Pool;

beforeAll(async () => {
  server = await startTestPostgres();
  pool = createPool({ databaseUrl: server.url, name: 'test', maxConnections: 1 });
});
afterAll(async () => {
  await pool.end();
  await server.stop();
});

const text = fc.string({ unit: 'binary', maxLength: 40 });
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const cases: [Parameters<typeof binaryArray>[0], fc.Arbitrary<string | Buffer>, (value: never) => unknown][] =
  [
    ['text', text.map((value) => value.replaceAll('\0', '')), (value: string) => value],
    ['json', fc.json(), (value: string) => JSON.parse(value) as unknown],
    ['bytea', bytes, (value: Buffer) => value],
    [
      'uuid',
      fc.uuid().map((id) => Buffer.from(id.replaceAll('-', ''), 'hex')),
      (id: Buffer) => id.toString('hex'),
    ],
  ];

it.each(cases)('Postgres reads any %s[] as it was written', async (type, arbitrary, meaning) => {
  await fc.assert(
    fc.asyncProperty(fc.array(arbitrary, { maxLength: 8 }), async (values) => {
      const { rows } = await pool.query<{ value: unknown }>(
        `select value from unnest($1::${type}[]) with ordinality as u (value, n) order by n`,
        [binaryArray(type, values, (value) => value)],
      );
      const read = rows.map(({ value }) => (type === 'uuid' ? String(value).replaceAll('-', '') : value));
      expect(read).toEqual(values.map((value) => meaning(value as never)));
    }),
  );
});

it('Postgres refuses a NUL in a text as it does elsewhere', async () => {
  await expect(
    pool.query('select $1::text[]', [binaryArray('text', ['a\0b'], (value) => value)]),
  ).rejects.toMatchObject({
    code: '22021',
  });
});
