import { createPostgresBackend, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { servePlainly } from './plain-server.js';

// What one would write first: for each request one row, committed, and one job, one after the other.
const databaseUrl = process.env['DATABASE_URL'] ?? '';
const redisUrl = process.env['REDIS_URL'];
const pool = new pg.Pool({ connectionString: databaseUrl, max: 20 });
const queue = redisUrl
  ? new Queue('reference', { connection: new Redis(redisUrl, { maxRetriesPerRequest: null }) })
  : new Queue(
      'reference',
      { connection: { connectionString: databaseUrl, schema: 'bullmq', migrate: false } as never },
      createPostgresBackend as never,
    );
const INSERT = {
  name: 'insert',
  text: 'insert into reference_messages (sid, sender, address, raw) values ($1, $2, $3, $4)',
};

servePlainly(async (form) => {
  const sid = form.get('MessageSid');
  const raw = JSON.stringify(Object.fromEntries(form));
  await pool.query({ ...INSERT, values: [sid, form.get('From'), form.get('To'), raw] });
  await queue.add('message', { sid }, { removeOnComplete: true, removeOnFail: true });
});
