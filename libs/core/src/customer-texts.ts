/** What customers can be told without anybody writing it; each only where their number has a text for it. */
export const TEXT_KINDS = [
  'welcome',
  'closed',
  'waiting',
  'waitingLong',
  'noAgent',
  'agentJoined',
  'agentLeft',
  'silent',
  'failed',
] as const;
export type TextKind = (typeof TEXT_KINDS)[number];

/** Templates by language (`en`, `zh-CN`), with `{{variable}}` where a value goes in. */
export type TextTemplates = Partial<Record<TextKind, Readonly<Record<string, string>>>>;

/** A text that a customer is to be told. */
export interface DueText {
  tenantId: string;
  threadId: string;
  conversationId?: string;
  kind: TextKind;
  /** Within the thread and the kind; what is told twice under one key is told once. */
  key: string;
  variables?: Readonly<Record<string, string>>;
}

/** Takes down what customers are to be told; a worker writes it and puts it behind what waits for them. */
export abstract class CustomerTexts {
  abstract tell(text: DueText): Promise<void>;
}

const VARIABLE = /\{\{\s*([A-Za-z][A-Za-z0-9]*)\s*\}\}/g;

/**
 * The text of this kind in the first of `languages` that it is there in (`zh-CN` before `zh`), else in English, else in whichever
 * comes first. A variable that is not known is left out. Undefined where there is no such text.
 */
export function renderText(
  templates: TextTemplates | undefined,
  kind: TextKind,
  languages: readonly (string | null | undefined)[],
  variables: Readonly<Record<string, string>> = {},
): string | undefined {
  const byLanguage = templates?.[kind];
  if (!byLanguage) return undefined;
  const tags = [...languages, 'en'].flatMap((tag) => (tag ? [tag, tag.split('-', 1)[0] ?? tag] : []));
  const found = tags.find((tag) => Object.hasOwn(byLanguage, tag)) ?? Object.keys(byLanguage)[0];
  const text = found === undefined ? undefined : byLanguage[found];
  return text
    ?.replaceAll(VARIABLE, (_, name: string) =>
      Object.hasOwn(variables, name) ? (variables[name] ?? '') : '',
    )
    .trim();
}
