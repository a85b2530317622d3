import type { PhoneMessage } from '../../../src/page/state.js';
import { placeOf } from '../bridge/words.js';
import { heldProgress, type Progress } from '../common/Ticks.js';

/** How far a text on a phone has come: a customer's towards the desk, the business's as Twilio tells it. */
export function progressOf(message: PhoneMessage): Progress {
  return message.author === 'customer' ? progressToDesk(message) : progressToPhone(message);
}

function progressToDesk({ status, bridge, seen }: PhoneMessage): Progress {
  if (status === 'sending') return { sign: 'clock', words: 'Sending' };
  if (status !== 'accepted') return { sign: 'warning', words: 'Refused by Causeway' };
  switch (bridge?.delivery) {
    case 'submitted':
      if (seen) return { sign: 'read', words: 'Seen by the business' };
      return { sign: 'ticks', words: `At ${placeOf(bridge.destination)}` };
    case 'held':
      return heldProgress(bridge);
    case 'failed':
      return { sign: 'warning', words: 'Failed' };
    case 'uncertain':
      return { sign: 'tick', words: 'Accepted by Causeway; whether it has arrived is being found out' };
    case 'open':
    case 'sending':
    case undefined:
      return { sign: 'tick', words: 'Accepted by Causeway' };
  }
}

function progressToPhone({ status, errorCode }: PhoneMessage): Progress {
  switch (status) {
    case 'read':
      return { sign: 'read', words: 'Read' };
    case 'delivered':
      return { sign: 'ticks', words: 'Delivered' };
    case 'undelivered':
    case 'failed':
      return { sign: 'warning', words: errorCode ? `Not delivered (${errorCode})` : 'Not delivered' };
    case 'sent':
      return { sign: 'tick', words: 'Sent by Twilio' };
    default:
      return { sign: 'clock', words: 'Queued at Twilio' };
  }
}
