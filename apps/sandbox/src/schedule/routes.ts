import type { DeskSettings } from '../chat-gateway/desk-settings.js';
import { isBasic } from '../common/basic.js';
import { type Answer, answer, type Call } from '../common/http.js';
import type { SimulatorServer } from '../common/server.js';

export interface ScheduleContext {
  schedules: DeskSettings['schedules'];
  tenant: string;
  dataToken: string;
}

const BASE = '/api/provisioning/schedules';

/** The Tenant Schedule API, in JSON. */
export function registerScheduleRoutes(server: SimulatorServer, context: ScheduleContext): void {
  const { schedules, tenant, dataToken } = context;
  const checked =
    (handle: (call: Call) => Answer) =>
    (call: Call): Answer =>
      isBasic(call, tenant, dataToken) ? handle(call) : refused();

  server.operation(
    'schedules.list',
    'GET',
    `${BASE}.json`,
    checked(() =>
      answer(200, 'application/json', {
        schedules: [...schedules.keys()].map((name, n) => ({ id: String(n + 1), name })),
      }),
    ),
  );
  server.operation(
    'schedules.status',
    'GET',
    `${BASE}/:schedule/status.json`,
    checked((call) => {
      const name = call.params['schedule'] ?? '';
      const schedule = schedules.get(name) ?? [...schedules.values()][Number(name) - 1];
      return schedule === undefined
        ? answer(404, 'application/json', { error: { message: 'No such schedule.' } })
        : answer(200, 'application/json', { 'schedule-status': { status: schedule.status } });
    }),
  );
}

function refused(): Answer {
  const result = answer(401, 'application/json', { error: { message: 'Unauthorized' } });
  result.headers['www-authenticate'] = 'Basic realm="provisioning"';
  return result;
}
