import type { NumberSettings } from './number-settings.js';

/**
 * What customers can be told without anybody writing it, each only where their number has a text for it, and the variables that
 * such a text can have.
 */
export const TEXT_VARIABLES = {
  welcome: ['number'],
  closed: ['number'],
  waiting: ['number', 'position', 'minutes', 'queue'],
  waitingLong: ['number', 'position', 'minutes', 'queue'],
  noAgent: ['number', 'position', 'minutes', 'queue'],
  agentJoined: ['number', 'name'],
  agentLeft: ['number', 'name'],
  silent: ['number', 'minutes'],
  failed: ['number'],
} as const satisfies Record<string, readonly string[]>;
export type TextKind = keyof typeof TEXT_VARIABLES;

/** Templates by language (`en`, `zh-CN`), with `{{variable}}` or `{{variable|what stands there otherwise}}` where a value goes in. */
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

const VARIABLE = /\{\{\s*([A-Za-z][A-Za-z0-9]*)\s*(?:\|([^{}]*))?\}\}/g;
const LANGUAGE_TAG = /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/;
const MAX_LANGUAGES = 25;
const MAX_LENGTH = 1600;

/** A number's texts; its `failedText` is the one about failures in the number's own language. */
export function textsOf(settings: NumberSettings, numberLanguage: string | null | undefined): TextTemplates {
  const { texts = {}, failedText } = settings;
  if (failedText === undefined) return texts;
  return { ...texts, failed: { [numberLanguage ?? 'en']: failedText, ...texts.failed } };
}

/**
 * The template of this kind in the first of `languages` that it is there in (`zh-CN` before `zh`, before another one of the
 * language), else in English, else in whichever comes first. Undefined where there is none.
 */
export function chooseText(
  templates: TextTemplates | undefined,
  kind: TextKind,
  languages: readonly (string | null | undefined)[],
): string | undefined {
  const entries = Object.entries(templates?.[kind] ?? {}).map(
    ([tag, text]) => [tag.toLowerCase(), text] as const,
  );
  const byTag = new Map(entries);
  for (const wanted of [...languages, 'en']) {
    if (!wanted) continue;
    const tag = wanted.toLowerCase();
    const language = tag.split('-', 1)[0] ?? tag;
    const kin = entries.find(([other]) => other.startsWith(`${language}-`));
    const found = byTag.get(tag) ?? byTag.get(language) ?? kin?.[1];
    if (found !== undefined) return found;
  }
  return entries[0]?.[1];
}

/** Puts values in. Undefined where one is not known and nothing stands in its place: a text with a hole is not said. */
export function fillText(
  template: string,
  variables: Readonly<Record<string, string>> = {},
): string | undefined {
  let whole = true;
  const text = template.replaceAll(VARIABLE, (_, name: string, otherwise: string | undefined) => {
    const value = (Object.hasOwn(variables, name) ? variables[name] : undefined) || otherwise?.trim();
    if (value === undefined) whole = false;
    return value ?? '';
  });
  return whole ? text.trim() : undefined;
}

export function usesVariable(template: string, variable: string): boolean {
  return [...template.matchAll(VARIABLE)].some(([, name]) => name === variable);
}

/** What is wrong with a number's texts of one kind, in words that go on from their name; undefined where nothing is. */
export function textsProblem(kind: TextKind, byLanguage: unknown): string | undefined {
  if (typeof byLanguage !== 'object' || byLanguage === null || Array.isArray(byLanguage))
    return 'must be an object of texts by language';
  const entries = Object.entries(byLanguage);
  if (entries.length === 0 || entries.length > MAX_LANGUAGES)
    return `must have a text in 1 to ${MAX_LANGUAGES} languages`;
  if (new Set(entries.map(([tag]) => tag.toLowerCase())).size < entries.length)
    return 'must have one text for each language';
  for (const [tag, text] of entries) {
    if (!LANGUAGE_TAG.test(tag)) return 'must have language tags (en, zh-CN) as names';
    const problem = templateProblem(kind, text);
    if (problem !== undefined) return `${problem} (${tag})`;
  }
  return undefined;
}

function templateProblem(kind: TextKind, text: unknown): string | undefined {
  if (typeof text !== 'string' || text.trim() === '' || text.length > MAX_LENGTH)
    return `must have texts of 1 to ${MAX_LENGTH} characters that are not blank`;
  if (text.includes('\0') || !text.isWellFormed()) return 'must have texts without NUL';
  const known: readonly string[] = TEXT_VARIABLES[kind];
  const names = known.map((name) => `{{${name}}}`).join(', ');
  const unknown = [...text.matchAll(VARIABLE)].find(([, name = '']) => !known.includes(name));
  if (unknown) return `must have no other variables than ${names}, not {{${unknown[1]}}}`;
  const rest = text.replaceAll(VARIABLE, '');
  return rest.includes('{{') || rest.includes('}}')
    ? `must have no braces but those of variables, which are ${names}, each with or without |other words`
    : undefined;
}
