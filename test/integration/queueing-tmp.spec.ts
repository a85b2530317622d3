import { test, expect } from 'vitest';
import { startTestPostgres } from '../support/postgres.js';
import { Client } from 'pg';
test('pg', async () => {
  const t=performance.now();
  const s = await startTestPostgres();
  console.log('started', performance.now()-t, s.url, s.pid);
  const u = await s.createDatabase();
  console.log(performance.now()-t, u);
  const c = new Client({connectionString:u}); await c.connect();
  expect((await c.query('select version()')).rows[0].version).toContain('18');
  await c.end();
  await s.stop(); await s.stop();
  console.log(performance.now()-t);
});
