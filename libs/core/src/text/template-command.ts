import type { MessageContent } from '../content.js';
import { DeliveryError } from '../delivery-error.js';
import type { NumberSettings } from '../number-settings.js';

const COMMAND = /^\s*\/template(?:\s+|$)/i;
const CONTENT_SID = /^HX[0-9a-f]{32}$/i;
/** `1=Monday`, `name="Jane Doe"`. */
const VARIABLE = /\s*([A-Za-z0-9_.-]{1,64})=(?:"([^"]*)"|“([^”]*)”|([^\s"“]\S*)?)(?=\s|$)/y;

/**
 * What an agent's text means: `/template <name> 1=Monday 2="at nine"` sends a template, by one of the number's names or by its
 * sid; all else is what it is. Throws a `DeliveryError` of kind `failed` for a command that cannot be read.
 */
export function withCommand(content: MessageContent, settings: NumberSettings): MessageContent {
  const command = content.type === 'text' ? COMMAND.exec(content.text) : null;
  if (content.type !== 'text' || !command) return content;
  const [name = '', ...rest] = content.text.slice(command[0].length).split(/(\s+)/);
  const contentSid = CONTENT_SID.test(name) ? name : named(settings, name);
  if (contentSid === undefined) throw new DeliveryError('failed', { code: 'unknown-template' });
  const variables = variablesIn(rest.join(''));
  return { type: 'template', contentSid, ...(Object.keys(variables).length > 0 && { variables }) };
}

function named({ templates = {} }: NumberSettings, name: string): string | undefined {
  return Object.hasOwn(templates, name) ? templates[name] : undefined;
}

function variablesIn(text: string): Record<string, string> {
  const end = text.trimEnd();
  const variables: [string, string][] = [];
  VARIABLE.lastIndex = 0;
  while (VARIABLE.lastIndex < end.length) {
    const found = VARIABLE.exec(end);
    if (!found?.[1]) throw new DeliveryError('failed', { code: 'template-command' });
    variables.push([found[1], found[2] ?? found[3] ?? found[4] ?? '']);
  }
  return Object.fromEntries(variables);
}
