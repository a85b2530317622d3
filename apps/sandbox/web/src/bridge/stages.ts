import type { BridgeMessage } from '../../../src/page/state.js';
import { deliveryWord, isFinished, neededNoCall, type Tone } from './words.js';

/** One stop on a message's way through the bridge. */
export interface Stage {
  name: 'accepted' | 'conversation' | 'attempts' | 'outcome' | 'receipt';
  /** What stands below its dot. */
  label: string;
  /** `ahead`: not reached. */
  tone: Tone | 'ahead';
}

/** Receipts come from the channel, so only what goes to a phone has that stop; between a bot and a customer there is no conversation at the desk. */
export function stagesOf(message: BridgeMessage): Stage[] {
  const { conversation, destination, direction } = message;
  const byBot = direction === 'outbound' && !conversation && isFinished(message);
  const stages: Stage[] = [
    { name: 'accepted', label: 'Accepted', tone: 'good' },
    ...(destination === 'bot' || byBot
      ? []
      : [{ name: 'conversation', label: 'Conversation', tone: conversation ? 'good' : 'ahead' } as const]),
    ...(neededNoCall(message) ? [] : [attemptsStage(message)]),
    outcomeStage(message),
  ];
  return direction === 'outbound' ? [...stages, receiptStage(message)] : stages;
}

function attemptsStage({ attempts, parts, delivery }: BridgeMessage): Stage {
  const count = attempts.length;
  const attempted = count === 1 ? '1 attempt' : `${count} attempts`;
  const label = count === 0 ? 'Attempts' : parts > 1 && count === parts ? `${parts} parts` : attempted;
  if (count === 0) return { name: 'attempts', label, tone: 'ahead' };
  if (delivery === 'sending') return { name: 'attempts', label, tone: 'busy' };
  return { name: 'attempts', label, tone: count > parts ? 'warn' : 'good' };
}

function outcomeStage({ delivery }: BridgeMessage): Stage {
  if (delivery === 'open' || delivery === 'sending')
    return { name: 'outcome', label: 'Outcome', tone: 'ahead' };
  const { word, tone } = deliveryWord(delivery);
  return { name: 'outcome', label: word, tone };
}

function receiptStage({ receipt }: BridgeMessage): Stage {
  switch (receipt) {
    case undefined:
      return { name: 'receipt', label: 'Receipt', tone: 'ahead' };
    case 'delivered':
    case 'read':
      return { name: 'receipt', label: capitalised(receipt), tone: 'good' };
    case 'undelivered':
    case 'failed':
      return { name: 'receipt', label: capitalised(receipt), tone: 'bad' };
    default:
      return { name: 'receipt', label: capitalised(receipt), tone: 'busy' };
  }
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
