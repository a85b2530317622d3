import type { BridgeLink, DeskMessageView } from '../../../src/page/state.js';
import { heldProgress, type Progress } from '../common/Ticks.js';

/** How far an agent's message has come towards the phone; a customer's is here already. */
export function progressOf({ author, history, bridge }: DeskMessageView): Progress | undefined {
  if (history || author === 'bot') return undefined;
  if (author === 'customer') return bridge && { sign: 'tick', words: 'Brought by the bridge' };
  return bridge ? progressToPhone(bridge) : { sign: 'clock', words: 'Not accepted by Causeway yet' };
}

function progressToPhone(bridge: BridgeLink): Progress {
  const { delivery, receipt } = bridge;
  switch (delivery) {
    case 'failed':
      return { sign: 'warning', words: 'Failed' };
    case 'held':
      return heldProgress(bridge);
    case 'open':
    case 'sending':
      return { sign: 'clock', words: 'Accepted by Causeway' };
    case 'uncertain':
      return { sign: 'clock', words: 'Whether Twilio has it is being found out' };
    case 'submitted':
      return receiptProgress(receipt);
  }
}

function receiptProgress(receipt: string | undefined): Progress {
  switch (receipt) {
    // What the customer has read is told to the desk itself, where it is told at all.
    case 'read':
    case 'delivered':
      return { sign: 'ticks', words: 'Delivered to the phone' };
    case 'undelivered':
    case 'failed':
      return { sign: 'warning', words: 'Not delivered' };
    default:
      return { sign: 'tick', words: 'Handed to Twilio' };
  }
}
