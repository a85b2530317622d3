import { randomBytes } from 'node:crypto';
import type { QueueStatistics } from '../chat-gateway/desk-settings.js';
import { isBasic } from '../common/basic.js';
import { type Answer, answer, type Call, header } from '../common/http.js';
import type { SimulatorServer } from '../common/server.js';

export interface MetricsContext {
  key: string;
  secret: string;
  queues: () => readonly { id: string; name: string }[];
  statistics: (queueId: string) => QueueStatistics;
}

const TOKEN_LIFE_SECONDS = 1_799;
const REGIONS = ['', '/eu', '/au', '/ca'];

/** OAuth and the Real-time Metrics API v5, of every region. */
export function registerMetricsRoutes(server: SimulatorServer, context: MetricsContext): void {
  const tokens = new Map<string, number>();
  const checked =
    (handle: (call: Call) => Answer) =>
    (call: Call): Answer => {
      const token = /^Bearer (.+)$/i.exec(header(call, 'authorization') ?? '')?.[1] ?? '';
      return (tokens.get(token) ?? 0) > Date.now()
        ? handle(call)
        : answer(401, 'application/json', { message: 'Unauthorized' });
    };

  server.operation('oauth.token', 'POST', '/oauth/v2/token', (call) => {
    const isRight = new URLSearchParams(call.body).get('grant_type') === 'client_credentials';
    if (!isBasic(call, context.key, context.secret) || !isRight) {
      return answer(401, 'application/json', { error: 'invalid_client' });
    }
    const token = randomBytes(20).toString('hex');
    tokens.set(token, Date.now() + TOKEN_LIFE_SECONDS * 1000);
    return answer(200, 'application/json', {
      access_token: token,
      token_type: 'BearerToken',
      expires_in: String(TOKEN_LIFE_SECONDS),
      status: 'approved',
    });
  });
  for (const region of REGIONS) {
    const base = `${region}/analytics/cc/v5/realtime-metrics/queues`;
    server.operation(
      'metrics.queues',
      'GET',
      base,
      checked((call) => {
        const wanted = call.query.getAll('queue-ids').flatMap((ids) => ids.split(','));
        const queues = context.queues().filter(({ id }) => wanted.length === 0 || wanted.includes(id));
        return queues.length < wanted.length ? unknownQueue() : figures(call, queues, context, String);
      }),
    );
    server.operation(
      'metrics.queue',
      'GET',
      `${base}/:queueId`,
      checked((call) => {
        const queue = context.queues().find(({ id }) => id === call.params['queueId']);
        return queue === undefined ? unknownQueue() : figures(call, [queue], context, Number);
      }),
    );
  }
}

/** Times are milliseconds, averages of nothing null. The list of queues comes with its numbers as texts. */
function figures(
  call: Call,
  queues: readonly { id: string; name: string }[],
  { statistics }: MetricsContext,
  as: (value: number) => number | string,
): Answer {
  const wanted = call.query.getAll('metrics').flatMap((keys) => keys.split(','));
  const body = queues.map(({ id, name }) => {
    const { waiting, longestWaitSeconds, averageWaitSeconds, eligibleAgents } = statistics(id);
    const average = averageWaitSeconds === 0 ? null : averageWaitSeconds * 1000;
    const metrics: Record<string, number | null> = {
      'availableIdle.rt': eligibleAgents,
      'eligible.rt': eligibleAgents,
      'enabled.rt': eligibleAgents,
      'interactionsAvgWaitTime.int-15m': average,
      'interactionsAvgWaitTime.int-30m': average,
      'interactionsAvgWaitTime.today': average,
      'interactionsLongestWaitInQueue.rt': longestWaitSeconds * 1000,
      'interactionsWaitInQueue.rt': waiting,
    };
    return {
      id,
      name,
      metrics: Object.entries(metrics)
        .filter(([key]) => wanted.length === 0 || wanted.includes(key))
        .map(([key, value]) => ({ key, value: value === null ? null : as(value) })),
    };
  });
  return answer(200, 'application/json', body);
}

function unknownQueue(): Answer {
  return answer(400, 'application/json', { message: 'Bad request: Invalid queue id.' });
}
