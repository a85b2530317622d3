import { ControlError } from '../common/control.js';
import { type QueueStatistics, setSchedule, setStatistics } from '../chat-gateway/desk-settings.js';
import { LANGUAGES } from '../chat-gateway/languages.js';
import type { ChatGatewaySimulator } from '../chat-gateway/simulator.js';
import type { AgentChange, DeskAgent } from '../chat-gateway/staff.js';
import type { CentreState, QueueState } from './state.js';

const MAX_EACH = 20;
const MAX_NAME = 60;

/** Queues, hours and figures as the page shows and sets them. */
export class ContactCentre {
  constructor(private readonly simulator: ChatGatewaySimulator) {}

  show(): CentreState {
    const { staff, deskSettings } = this.simulator;
    return {
      queues: staff.queues.map(({ id }) => this.#queue(id)),
      schedules: [...deskSettings.schedules].map(([id, { status }]) => ({ id, status })),
      languages: [...LANGUAGES],
    };
  }

  addQueue(name: string, id?: string): QueueState {
    const { staff } = this.simulator;
    enough('queues', staff.queues.length);
    return this.#queue(staff.addQueue({ id, name: nameIn(name) }).id);
  }

  setStatistics(queueId: string, figures: Partial<QueueStatistics>): QueueState {
    const before = this.#queue(queueId);
    setStatistics(this.simulator.deskSettings, before.id, figures);
    return this.#queue(queueId);
  }

  setSchedule(id: string, status: number | undefined): { id: string; status: number } {
    const { deskSettings } = this.simulator;
    if (!deskSettings.schedules.has(id)) enough('schedules', deskSettings.schedules.size);
    return { id, ...setSchedule(deskSettings, id, status) };
  }

  addAgent(name: string, change: AgentChange): DeskAgent {
    const { staff } = this.simulator;
    enough('agents', staff.agents.length);
    return staff.addAgent({ ...change, name: nameIn(name) });
  }

  changeAgent(id: string, change: AgentChange): DeskAgent {
    return this.simulator.staff.changeAgent(id, change);
  }

  #queue(id: string): QueueState {
    const queue = this.simulator.staff.queue(id);
    if (queue === undefined) throw new ControlError(404, `There is no queue ${id}.`);
    return {
      ...queue,
      statistics: this.simulator.statistics(id),
      set: { ...this.simulator.deskSettings.statistics.get(id) },
    };
  }
}

function nameIn(name: string): string {
  const trimmed = name.trim().slice(0, MAX_NAME);
  if (trimmed === '') throw new ControlError(400, 'name must not be empty.');
  return trimmed;
}

function enough(what: string, count: number): void {
  if (count >= MAX_EACH) throw new ControlError(409, `There are ${MAX_EACH} ${what}, which is enough.`);
}
