import { ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { ValidateBy, type ValidationArguments } from 'class-validator';
import { isReservedWord } from '#channel-twilio';
import { IfPresent, IsIntegerBetween, YEAR_MINUTES } from './validation.js';

const MAX_WORDS = 20;
const MAX_WORD_LENGTH = 40;
const WEEK_MINUTES = 7 * 24 * 60;

@ApiSchema({ name: 'Closing', description: 'How conversations end, beside what the desk decides.' })
export class ClosingBody {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: YEAR_MINUTES,
    description:
      'So long before a conversation is closed by `customerSilentMinutes`, which must be longer, its customer is told so by `texts.silent`. It is closed no sooner than so long after that. Absent: they are not told.',
  })
  @IfPresent()
  @IsIntegerBetween(1, YEAR_MINUTES)
  warnMinutes?: number;

  @ApiPropertyOptional({
    type: [String],
    maxItems: MAX_WORDS,
    example: ['bye'],
    description:
      'A text that is one of these and no more, in whatever case, closes its conversation once the agent has it. A word by which customers opt out, opt in or ask for help anywhere is refused. Absent: there are none.',
  })
  @IfPresent()
  @IsClosingWords()
  words?: string[];

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: WEEK_MINUTES,
    description:
      'A text within so long after a closing goes on from there: with what was said before as history, to the same queue, without a welcome. Absent: it begins anew.',
  })
  @IfPresent()
  @IsIntegerBetween(1, WEEK_MINUTES)
  goOnMinutes?: number;
}

function IsClosingWords(): PropertyDecorator {
  return ValidateBy({
    name: 'isClosingWords',
    validator: {
      validate: (words: unknown) => problemOf(words) === undefined,
      defaultMessage: (about?: ValidationArguments) => `$property ${problemOf(about?.value) ?? ''}`,
    },
  });
}

function problemOf(words: unknown): string | undefined {
  const isWord = (word: unknown): word is string =>
    typeof word === 'string' &&
    word.trim() !== '' &&
    word.length <= MAX_WORD_LENGTH &&
    !word.includes('\0') &&
    word.isWellFormed();
  if (!Array.isArray(words) || words.length > MAX_WORDS || !words.every(isWord))
    return `must be at most ${MAX_WORDS} words of 1 to ${MAX_WORD_LENGTH} characters`;
  const reserved = words.find(isReservedWord);
  return reserved === undefined
    ? undefined
    : `must not have “${reserved.trim()}”: customers opt out, opt in or ask for help by it`;
}
