import type { StormCounts, StormState } from '../../../src/page/state.js';

/** Both directions together. */
export function total(storm: StormState, count: keyof StormCounts): number {
  return storm.inbound[count] + storm.outbound[count];
}

export function isRunning(storm: StormState | null): storm is StormState {
  return storm !== null && (storm.phase === 'running' || storm.phase === 'settling');
}

/** What came of the storm, in a sentence or two; `kept` when Causeway has kept its promise. */
export function verdictOf(storm: StormState): { kept: boolean; words: string } {
  const lost = total(storm, 'lost');
  const disordered = total(storm, 'outOfOrder');
  const unmarked = total(storm, 'doubled') - total(storm, 'doubledMarked');
  const broken = [
    lost > 0 && `${lost} of them lost`,
    disordered > 0 && `${disordered} out of order`,
    unmarked > 0 && `${unmarked} doubled without a mark`,
  ].filter((words) => words !== false);
  const accepted = total(storm, 'accepted');
  if (broken.length > 0) {
    return { kept: false, words: `${accepted} messages were accepted: ${broken.join(', ')}.` };
  }
  const words = [
    keptWords(storm, accepted),
    doubledWords(total(storm, 'doubled')),
    refusedWords(total(storm, 'refused')),
  ];
  return { kept: true, words: words.join('') };
}

function keptWords(storm: StormState, accepted: number): string {
  const underWay = total(storm, 'underWay');
  if (underWay === 0) return `All ${accepted} accepted messages arrived, each in its order.`;
  return `Of ${accepted} accepted messages ${underWay} are still under way; none is lost or out of order.`;
}

/** Their senders were told: they are none of the promise. */
function refusedWords(refused: number): string {
  if (refused === 0) return '';
  return ` ${refused} more ${refused === 1 ? 'was' : 'were'} refused, with an answer other than 2xx, and never promised.`;
}

function doubledWords(doubled: number): string {
  if (doubled === 0) return ' None came twice.';
  return doubled === 1
    ? ' One came twice, marked by Causeway as a possible duplicate.'
    : ` ${doubled} came twice, all marked by Causeway as possible duplicates.`;
}
