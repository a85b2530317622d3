import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { ValidateBy, type ValidationArguments } from 'class-validator';
import { TEXT_VARIABLES, textsProblem, type TextKind } from '#core';
import { IfPresent } from './validation.js';

/** One of a number's texts, by language; the property's name is its kind. */
function TextByLanguage(
  kind: TextKind,
  description: string,
  example: Record<string, string>,
): PropertyDecorator {
  const variables = TEXT_VARIABLES[kind].map((name) => `\`{{${name}}}\``).join(', ');
  return applyDecorators(
    ApiPropertyOptional({
      type: 'object',
      additionalProperties: { type: 'string', maxLength: 1600 },
      description: `${description} Variables: ${variables}.`,
      example,
    }),
    IfPresent(),
    ValidateBy({
      name: 'isTextByLanguage',
      validator: {
        validate: (value: unknown) => textsProblem(kind, value) === undefined,
        defaultMessage: (about?: ValidationArguments) =>
          `$property ${textsProblem(kind, about?.value) ?? ''}`,
      },
    }),
  );
}

@ApiSchema({
  name: 'Texts',
  description:
    "What customers are told without anybody writing it, each by language (`en`, `zh-CN`): in the customer's, else in the number's, else in English, else in the first. `{{variable|other words}}` says other words where the value is not known; a text without them is not sent then.",
})
export class TextsBody {
  @TextByLanguage(
    'welcome',
    'A conversation has begun that the customer opened, and that goes on from none.',
    {
      en: 'Thank you for writing to us. Somebody will be with you soon.',
    },
  )
  welcome?: Record<string, string>;

  @TextByLanguage('closed', 'They have written outside the opening hours.', {
    en: 'We are closed now, and will answer when we open.',
  })
  closed?: Record<string, string>;

  @TextByLanguage('waiting', 'They wait for an agent, by `waiting`.', {
    en: 'You are number {{position}} in our queue.',
  })
  waiting?: Record<string, string>;

  @TextByLanguage('waitingLong', 'They have waited for longer than `waiting.maxWaitMinutes`.', {
    en: 'All of us are busy. You can wait, or write again later.',
  })
  waitingLong?: Record<string, string>;

  @TextByLanguage('noAgent', 'No agent can be offered their conversation now.', {
    en: 'Nobody is here now. We will answer as soon as somebody is.',
  })
  noAgent?: Record<string, string>;

  @TextByLanguage('agentJoined', 'An agent has taken the conversation, or another one after a transfer.', {
    en: '{{name|One of us}} is here now.',
    de: '{{name|Jemand von uns}} ist jetzt für Sie da.',
  })
  agentJoined?: Record<string, string>;

  @TextByLanguage('agentLeft', 'The conversation has ended because its agent has left it.', {
    en: 'This conversation has ended. Write again whenever you like.',
  })
  agentLeft?: Record<string, string>;

  @TextByLanguage('silent', 'The conversation will be closed for silence in `closing.warnMinutes`.', {
    en: 'Are you still there? We close this conversation in {{minutes}} minutes.',
  })
  silent?: Record<string, string>;

  @TextByLanguage(
    'failed',
    'Their message could not be delivered to the agents; at most once in ten minutes. `failedText` is the one in the language of the number, where it is not here.',
    { en: 'We could not pass your message on. Please write again.' },
  )
  failed?: Record<string, string>;
}
