import type { Activity } from './activity.js';
import { changedSettings, type ControlInput } from './control.js';
import type { ProviderName } from './exchanges.js';
import { everyWay, seededRandom } from './fault-ways.js';
import { FAULT_EFFECTS, type Faults, type FaultSpec } from './faults.js';
import type { SimulatorServer } from './server.js';

/** What a simulator gives to the shared control calls. */
export interface ControlTarget {
  readonly name: ProviderName;
  readonly faults: Faults;
  readonly activity: Activity;
  settings: object;
  logAfter(index: number): object[];
  webhooksAfter(index: number): object[];
  /** Makes the webhook call of that index once more. */
  repeatWebhook(index: number): void;
  reset(): void;
}

/** The control calls that both simulators have. */
export function registerSharedControls(server: SimulatorServer, target: ControlTarget): void {
  const after = (input: ControlInput): number => Number(input.query.get('after') ?? 0);
  server.control('GET', '/health', () => ({ ok: true, name: target.name }));
  server.control('GET', '/log', (input) => ({ items: target.logAfter(after(input)) }));
  server.control('GET', '/webhooks', (input) => ({ items: target.webhooksAfter(after(input)) }));
  server.control('POST', '/webhooks/:index/repeat', ({ params }) =>
    target.repeatWebhook(Number(params['index'])),
  );
  server.control('GET', '/settings', () => target.settings);
  server.control('PATCH', '/settings', (input) => {
    target.settings = changedSettings(target.settings, input.fields);
    return target.settings;
  });
  server.control('GET', '/faults', () => ({ items: target.faults.items }));
  server.control('POST', '/faults', (input) => target.faults.arm(faultSpec(input)), 201);
  server.control('DELETE', '/faults', () => target.faults.disarmAll());
  server.control('PUT', '/faults/chance', (input) => {
    const share = input.optionalNumber('share') ?? 0.2;
    const seed = input.optionalNumber('seed') ?? Date.now() % 1_000_000;
    const slowMs = input.optionalNumber('delayMs') ?? 1000;
    target.faults.random({ share, ways: everyWay({ slowMs }), random: seededRandom(seed) });
    return { share, seed };
  });
  server.control('POST', '/settle', async (input) => ({
    settled: await target.activity.settle(input.optionalNumber('timeoutMs') ?? 5000),
  }));
  server.control('POST', '/reset', () => target.reset());
}

function faultSpec(input: ControlInput): FaultSpec {
  const spec: FaultSpec = {
    operation: input.text('operation'),
    effect: input.oneOf('effect', FAULT_EFFECTS),
    when: input.oneOf('when', ['before', 'after'], 'before'),
    times: input.fields['times'] === null ? null : (input.optionalNumber('times') ?? 1),
    skip: input.optionalNumber('skip') ?? 0,
  };
  const { code, retryAfter } = input.fields;
  return {
    ...spec,
    ...optional('contains', input.optionalText('contains')),
    ...optional('delayMs', input.optionalNumber('delayMs')),
    ...optional('status', input.optionalNumber('status')),
    ...optional(
      'retryAfter',
      typeof retryAfter === 'number' ? String(retryAfter) : input.optionalText('retryAfter'),
    ),
    ...optional('body', input.optionalText('body')),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
  };
}

/** `{ [name]: value }`, or nothing when there is no value (exactOptionalPropertyTypes tells the two apart). */
function optional<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
  const result: Partial<Record<K, V>> = {};
  if (value !== undefined) result[name] = value;
  return result;
}
