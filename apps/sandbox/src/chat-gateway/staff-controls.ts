import { ControlError, type ControlInput } from '../common/control.js';
import type { SimulatorServer } from '../common/server.js';
import { type QueueStatistics, setSchedule, setStatistics, STATISTICS } from './desk-settings.js';
import type { ChatGatewaySimulator } from './simulator.js';
import type { AgentChange } from './staff.js';

/** Control calls for what stands around the conversations: queues, agents, hours, figures. */
export function registerStaffControls(server: SimulatorServer, simulator: ChatGatewaySimulator): void {
  const { staff, deskSettings } = simulator;
  const id = ({ params }: ControlInput): string => params['id'] ?? '';

  server.control('GET', '/queues', () => ({
    items: staff.queues.map((queue) => ({ ...queue, statistics: simulator.statistics(queue.id) })),
  }));
  server.control(
    'POST',
    '/queues',
    (input) => staff.addQueue({ id: input.optionalText('id'), name: input.text('name') }),
    201,
  );
  server.control('DELETE', '/queues/:id', (input) => staff.removeQueue(id(input)));
  server.control('PUT', '/queues/:id/statistics', (input) => {
    if (staff.queue(id(input)) === undefined) throw new ControlError(404, `there is no queue ${id(input)}`);
    setStatistics(deskSettings, id(input), figuresIn(input));
    return simulator.statistics(id(input));
  });

  server.control('GET', '/agents', () => ({ items: staff.agents }));
  server.control(
    'POST',
    '/agents',
    (input) =>
      staff.addAgent({ ...agentChange(input), id: input.optionalText('id'), name: input.text('name') }),
    201,
  );
  server.control('PATCH', '/agents/:id', (input) => staff.changeAgent(id(input), agentChange(input)));

  server.control('GET', '/schedules', () => ({
    items: [...deskSettings.schedules].map(([schedule, { status }]) => ({ id: schedule, status })),
  }));
  server.control('PUT', '/schedules/:id', (input) =>
    setSchedule(deskSettings, id(input), input.optionalNumber('status')),
  );
  server.control('DELETE', '/schedules/:id', (input) => {
    if (!deskSettings.schedules.delete(id(input)))
      throw new ControlError(404, `there is no schedule ${id(input)}`);
  });
}

/** What of an agent a call changes. */
export function agentChange(input: ControlInput): AgentChange {
  const name = input.optionalText('name');
  const languages = input.optionalTexts('languages');
  const queueIds = input.optionalTexts('queueIds');
  return {
    ...(name !== undefined && { name }),
    ...(languages !== undefined && { languages }),
    ...(queueIds !== undefined && { queueIds }),
    ...(input.fields['available'] !== undefined && { available: input.flag('available', true) }),
  };
}

/** The figures that a call sets; none of them: all are computed again. */
export function figuresIn(input: ControlInput): Partial<QueueStatistics> {
  return Object.fromEntries(
    STATISTICS.flatMap((name) => {
      const figure = input.optionalNumber(name);
      return figure === undefined ? [] : [[name, figure]];
    }),
  );
}
