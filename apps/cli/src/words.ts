import { styleText } from 'node:util';
import type { Difference } from './operator-client.js';

export type Colour = 'red' | 'green' | 'yellow' | 'dim';
export type Paint = (colour: Colour, text: string) => string;

export function painter(colours: boolean): Paint {
  return (colour, text) => (colours ? styleText(colour, text, { validateStream: false }) : text);
}

/** How a person gives this command line its words here, from the project. */
export const COMMAND = 'npm run causeway --';

/** The API's words, which name the commands by the program alone. */
export function asTyped(words: string): string {
  return words.replaceAll(/\bcauseway (?=(?:provision|doctor|drift)\b)/g, `${COMMAND} `);
}

/** Differences one below the other, aligned, with what is above what should be. */
export function differenceLines(differences: readonly Difference[], paint: Paint): string[] {
  const width = Math.max(...differences.map(({ field }) => field.length));
  return differences.flatMap(({ field, is, shouldBe }) => [
    `  ${field.padEnd(width)}  is         ${paint('red', is ?? '(nothing)')}`,
    `  ${' '.repeat(width)}  should be  ${paint('green', shouldBe ?? '(nothing)')}`,
  ]);
}

export function counted(n: number, one: string): string {
  return `${n} ${one}${n === 1 ? '' : 's'}`;
}

/** The first column of lines about numbers, as wide as the widest. */
export function addressColumn(numbers: readonly { address: string }[]): (address: string) => string {
  const width = Math.max(0, ...numbers.map(({ address }) => address.length));
  return (address) => address.padEnd(width);
}
