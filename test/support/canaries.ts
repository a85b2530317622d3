import { Redis } from 'ioredis';
import type { Pool } from '#persistence';

/** What no log line, metric or queue may show (I10): secrets, the start of every number and of every text of a test. */
export const CANARIES = {
  accountSid: 'AC4c0ffee04c0ffee04c0ffee04c0ffee0',
  authToken: 'canary-auth-token-7f3a',
  apiKey: 'canary-api-key-91bd',
  adminApiKey: 'canary-admin-key-c2e8-0123',
  dataToken: 'canary-data-token-44d1',
  metricsSecret: 'canary-metrics-secret-5e02',
  /** Customers' numbers begin with it. */
  customerPrefix: '+4915228',
  /** Texts of both sides contain it. */
  text: 'canarytext',
} as const;

const FORBIDDEN = [
  CANARIES.authToken,
  CANARIES.apiKey,
  CANARIES.adminApiKey,
  CANARIES.dataToken,
  CANARIES.metricsSecret,
  CANARIES.customerPrefix.slice(1),
  CANARIES.text,
];

/** One line per canary that stands in `texts`, with the first text that shows it. */
export function canariesIn(place: string, texts: Iterable<string>): string[] {
  const found = new Map<string, { count: number; first: string }>();
  for (const text of texts) {
    const lower = text.toLowerCase();
    for (const canary of FORBIDDEN) {
      if (!lower.includes(canary)) continue;
      const entry = found.get(canary) ?? { count: 0, first: text.slice(0, 400) };
      entry.count += 1;
      found.set(canary, entry);
    }
  }
  return [...found].map(
    ([canary, { count, first }]) => `I10: ${place} shows "${canary}" ${count} times, first in: ${first}`,
  );
}

/** Everything that anyone writes into a queue, as it is written: afterwards it is gone again. */
export interface QueueTap {
  texts(): Promise<string[]>;
  close(): Promise<void>;
}

/** Listens to every command that Redis is given, arguments of scripts included. */
export async function tapRedis(url: string): Promise<QueueTap> {
  const seen: string[] = [];
  const client = new Redis(url, { maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  const monitor = await client.monitor();
  monitor.on('error', () => undefined);
  monitor.on('monitor', (_time: string, args: string[]) => seen.push(args.join(' ')));
  return {
    texts: () => Promise.resolve(seen),
    close: async () => {
      monitor.disconnect();
      client.disconnect();
    },
  };
}

/** Copies every row that is put into a table of BullMQ's, by triggers. */
export async function tapPostgres(pool: Pool): Promise<QueueTap> {
  await pool.query(`
    create table queue_tap (row text not null);
    create function queue_tap() returns trigger language plpgsql as $$
    begin
      insert into public.queue_tap values (to_jsonb(new)::text);
      return null;
    end $$;
    do $$
    declare t record;
    begin
      for t in select c.oid::regclass as name from pg_class c
        where c.relnamespace = 'bullmq'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      loop
        execute format('create trigger queue_tap after insert on %s for each row execute function public.queue_tap()', t.name);
      end loop;
    end $$;`);
  return {
    texts: async () =>
      (await pool.query<{ row: string }>('select row from queue_tap')).rows.map(({ row }) => row),
    close: () => Promise.resolve(),
  };
}
