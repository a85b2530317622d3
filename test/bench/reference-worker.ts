import { createPostgresBackend, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { Pool } from 'undici';

// What one would write first: each job is one message, read, sent and marked as sent. It keeps no order, and does not know
// what became of a message whose answer was lost.
const databaseUrl = process.env['DATABASE_URL'] ?? '';
const redisUrl = process.env['REDIS_URL'];
const concurrency = Number(process.env['CONCURRENCY']);
const desk = new Pool(process.env['DESK_URL'] ?? '', { connections: concurrency });
const pool = new pg.Pool({ connectionString: databaseUrl, max: 20 });
const READ = {
  name: 'read',
  text: `select sender, raw ->> 'Body' as text from reference_messages where sid = $1`,
};
const SENT = { name: 'sent', text: 'update reference_messages set sent_at = now() where sid = $1' };

const worker = new Worker<{ sid: string }>(
  'reference',
  async ({ data: { sid } }) => {
    const { rows } = await pool.query<{ sender: string; text: string }>({ ...READ, values: [sid] });
    const [message] = rows;
    if (!message) throw new Error(`${sid} is not stored.`);
    const { statusCode, body } = await desk.request({
      method: 'POST',
      path: `/chat-gateway/v1/conversations/${encodeURIComponent(message.sender)}/messages`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ authorType: 'user', text: message.text }),
    });
    await body.dump();
    if (statusCode !== 202) throw new Error(`The desk answered ${statusCode}.`);
    await pool.query({ ...SENT, values: [sid] });
  },
  {
    concurrency,
    removeOnComplete: { count: 0 },
    connection: (redisUrl
      ? new Redis(redisUrl, { maxRetriesPerRequest: null })
      : { connectionString: databaseUrl, schema: 'bullmq', migrate: false }) as never,
  },
  ...(redisUrl ? [] : [createPostgresBackend as never]),
);
await worker.waitUntilReady();
process.send?.({ type: 'ready', port: 0 });
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
