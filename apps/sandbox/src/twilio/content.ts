import { isRecord } from '../common/http.js';
import { newSid } from './messages.js';

export type ApprovalStatus =
  'unsubmitted' | 'received' | 'pending' | 'approved' | 'rejected' | 'paused' | 'disabled';

/** A content template. */
export interface Content {
  sid: string;
  accountSid: string;
  friendlyName: string;
  language: string;
  /** Samples, and what stands in for a variable that is not sent. */
  variables: Record<string, string>;
  /** By name: `twilio/text`, `twilio/quick-reply` … */
  types: Record<string, Record<string, unknown>>;
  createdAtMs: number;
  approval: { status: ApprovalStatus; name: string; category: string };
}

/** What the phone shows of a content. */
export interface RenderedContent {
  sid: string;
  type: string;
  body: string;
  /** Quick replies, or actions: `url` or `phone` beside the title. */
  buttons: Record<string, unknown>[];
  /** Of a list: `{ id, item, description? }`. */
  items: Record<string, unknown>[];
  /** What opens the list. */
  listButton: string | null;
}

interface TypeRule {
  field: 'actions' | 'items' | 'media' | null;
  max: number;
  /** Characters of what is shown of each. */
  title: { name: string; max: number };
}

const RULES: Record<string, TypeRule> = {
  'twilio/text': { field: null, max: 0, title: { name: '', max: 0 } },
  'twilio/media': { field: 'media', max: 10, title: { name: '', max: 0 } },
  'twilio/quick-reply': { field: 'actions', max: 3, title: { name: 'title', max: 20 } },
  'twilio/list-picker': { field: 'items', max: 10, title: { name: 'item', max: 24 } },
  'twilio/call-to-action': { field: 'actions', max: 2, title: { name: 'title', max: 25 } },
};
const MAX_BODY = 1024;

/** A content from the body of its create, or what is wrong with it. */
export function contentFrom(body: unknown, accountSid: string): Content | string {
  if (!isRecord(body)) return 'The body is not a JSON object';
  const { friendly_name: friendlyName = '', language, variables = {}, types } = body;
  if (typeof language !== 'string' || !/^[a-z]{2,3}(_[A-Z]{2})?$/.test(language))
    return 'language is invalid';
  if (typeof friendlyName !== 'string') return 'friendly_name must be a string';
  if (!isRecord(types) || Object.keys(types).length === 0) return 'types must name at least one type';
  const kept: Content['types'] = {};
  for (const [name, type] of Object.entries(types)) {
    const wrong = isRecord(type) ? wrongWith(name, type) : `${name} must be an object`;
    if (wrong !== undefined) return wrong;
    if (isRecord(type)) kept[name] = type;
  }
  const samples = textsIn(variables);
  if (samples === undefined) return 'variables must be texts';
  return {
    sid: newSid('HX'),
    accountSid,
    friendlyName,
    language,
    variables: samples,
    types: kept,
    createdAtMs: Date.now(),
    approval: { status: 'unsubmitted', name: '', category: '' },
  };
}

function wrongWith(name: string, type: Record<string, unknown>): string | undefined {
  const rule = RULES[name];
  if (rule === undefined) return `${name} is not a known type`;
  const { body = '' } = type;
  if (typeof body !== 'string' || body.length > (name === 'twilio/text' ? 1600 : MAX_BODY)) {
    return `${name}: body is too long`;
  }
  if (body === '' && name !== 'twilio/media') return `${name}: body is required`;
  if (name === 'twilio/list-picker' && !isShort(type['button'], 20)) return `${name}: button is invalid`;
  if (rule.field === null) return undefined;
  const parts = type[rule.field];
  if (!Array.isArray(parts) || parts.length === 0 || parts.length > rule.max) {
    return `${name}: ${rule.field} must be 1 to ${rule.max}`;
  }
  if (rule.title.name === '') return undefined;
  const titles = parts.map((part: unknown) => (isRecord(part) ? part[rule.title.name] : undefined));
  if (!titles.every((title) => isShort(title, rule.title.max))) {
    return `${name}: ${rule.title.name} must have 1 to ${rule.title.max} characters`;
  }
  return new Set(titles).size === titles.length ? undefined : `${name}: ${rule.title.name} must differ`;
}

function isShort(value: unknown, max: number): boolean {
  return typeof value === 'string' && value !== '' && value.length <= max;
}

/** The variables of a send; undefined when they are no object of texts. */
export function variablesIn(json: string | null): Record<string, string> | undefined {
  try {
    return textsIn(JSON.parse(json ?? '{}'));
  } catch {
    return undefined;
  }
}

function textsIn(value: unknown): Record<string, string> | undefined {
  if (!isRecord(value)) return undefined;
  const texts: Record<string, string> = {};
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== 'string') return undefined;
    texts[name] = text;
  }
  return texts;
}

/** The richest type that the channel can show, with the variables in place; how many of them have no value. */
export function render(
  content: Content,
  given: Record<string, string>,
  channel: 'whatsapp' | 'sms',
): { rendered: RenderedContent; missing: number } {
  const names = Object.keys(content.types);
  const rich = names.find((name) => name !== 'twilio/text') ?? 'twilio/text';
  const type = channel === 'sms' && names.includes('twilio/text') ? 'twilio/text' : rich;
  const missing = new Set<string>();
  const values = { ...content.variables, ...given };
  const text = JSON.stringify(content.types[type]).replaceAll(
    /\{\{(\w+)\}\}/g,
    (placeholder, name: string) => {
      const value = values[name];
      if (value === undefined) missing.add(name);
      return value === undefined ? placeholder : JSON.stringify(value).slice(1, -1);
    },
  );
  const parsed: Record<string, unknown> = JSON.parse(text);
  const list = (field: string): Record<string, unknown>[] => {
    const value = parsed[field];
    return channel === 'whatsapp' && Array.isArray(value) ? value.filter(isRecord) : [];
  };
  const { body, button } = parsed;
  const rendered = {
    sid: content.sid,
    type,
    body: typeof body === 'string' ? body : '',
    buttons: list('actions'),
    items: list('items'),
    listButton: channel === 'whatsapp' && typeof button === 'string' ? button : null,
  };
  return { rendered, missing: missing.size };
}
