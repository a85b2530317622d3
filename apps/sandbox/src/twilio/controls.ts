import type { ControlInput } from '../common/control.js';
import type { SimulatorServer } from '../common/server.js';
import { registerSharedControls } from '../common/shared-controls.js';
import { inboundText } from './inbound-control.js';
import { mediumView } from './media.js';
import { messageResource } from './messages.js';
import type { Outcome } from './outcomes.js';
import type { TwilioSimulator } from './simulator.js';

/** The control API of the Twilio simulator; described in the README. */
export function registerTwilioControls(server: SimulatorServer, simulator: TwilioSimulator): void {
  registerSharedControls(server, simulator);
  server.control('POST', '/texts', async (input) => {
    const text = inboundText(input, simulator.numbers);
    if (!input.flag('wait', true)) return simulator.receiveTextSoon(text);
    return simulator.receiveText(text);
  });
  server.control('GET', '/messages', ({ query }) => ({
    items: simulator.messages
      .filter((message) => isWanted(query.get('to'), message.to))
      .filter((message) => isWanted(query.get('from'), message.from))
      .filter((message) => isWanted(query.get('direction'), message.direction))
      .map((message) => ({
        ...messageResource(message),
        status_callback: message.statusCallback,
        content: message.content,
        media: simulator.media.of(message.sid).map(mediumView),
      })),
  }));
  server.control('POST', '/messages/:sid/status', async (input) => {
    const status = input.oneOf('status', [
      'queued',
      'sending',
      'sent',
      'delivered',
      'read',
      'undelivered',
      'failed',
    ]);
    const call = await simulator.setStatus(
      input.params['sid'] ?? '',
      status,
      input.optionalNumber('errorCode'),
    );
    return { webhook: call };
  });
  server.control('POST', '/outcomes', (input) => simulator.setOutcome(outcome(input)), 201);
  server.control('POST', '/windows', (input) =>
    simulator.setWindow(input.text('from'), input.text('to'), input.flag('open', false)),
  );
  server.control('POST', '/opt-outs', (input) =>
    simulator.setOptOut(input.text('from'), input.text('to'), true),
  );
  server.control('DELETE', '/opt-outs', (input) =>
    simulator.setOptOut(input.text('from'), input.text('to'), false),
  );
}

function isWanted(wanted: string | null, value: string | null): boolean {
  return wanted === null || wanted === value;
}

function outcome(input: ControlInput): Outcome {
  const result: Outcome = {
    finalStatus: input.oneOf('finalStatus', ['delivered', 'read', 'undelivered', 'failed']),
    times: input.fields['times'] === null ? null : (input.optionalNumber('times') ?? 1),
  };
  const [to, contains] = [input.optionalText('to'), input.optionalText('contains')];
  const errorCode = input.optionalNumber('errorCode');
  if (to !== undefined) result.to = to;
  if (contains !== undefined) result.contains = contains;
  if (errorCode !== undefined) result.errorCode = errorCode;
  return result;
}
