import { isRecord } from '../common/http.js';
import type { CardView, Location } from './state.js';

type Node = Record<string, unknown>;

const MAX_DEPTH = 20;
const MAX_SHOWN = 60;
/** What a person reads on a card, whichever kind it is, … */
const READ = ['title', 'subtitle', 'header', 'text', 'body', 'label', 'value', 'altText', 'footer'];
/** … and what they choose from. */
const CHOSEN = ['options', 'choices', 'actions', 'buttons', 'rows', 'suggestions', 'replies'];

/** A card as a person reads it: its lines, what can be chosen, and a place if it is one. Kinds are not told apart. */
export function showCard(card: unknown): CardView {
  const node = isRecord(card) ? card : {};
  const view: CardView = { contentType: textOf(node['contentType']), lines: [], options: [] };
  read(parsed(node['content']), view, 0);
  return view;
}

function read(value: unknown, view: CardView, depth: number): void {
  if (depth > MAX_DEPTH || view.lines.length + view.options.length >= MAX_SHOWN) return;
  if (Array.isArray(value)) return value.forEach((one) => read(one, view, depth + 1));
  if (!isRecord(value)) return;
  const location = locationOf(value);
  if (location) {
    view.location ??= location;
    return;
  }
  for (const name of READ) if (textOf(value[name])) view.lines.push(textOf(value[name]));
  for (const [name, one] of Object.entries(value)) {
    if (CHOSEN.includes(name) && Array.isArray(one)) for (const each of one) choose(each, view);
    else if (name !== 'data') read(one, view, depth + 1);
  }
}

function choose(value: unknown, view: CardView): void {
  const node = isRecord(value) ? value : { title: value };
  const inner = isRecord(node['reply']) ? { ...node, ...node['reply'] } : node;
  const title = textOf(inner['title']) || textOf(inner['text']) || textOf(inner['label']);
  const description = textOf(inner['description']);
  if (title) view.options.push({ title, ...(description && { description }) });
}

/** Some senders put the card in as JSON text. */
function parsed(content: unknown): unknown {
  if (typeof content !== 'string') return content;
  try {
    return JSON.parse(content);
  } catch {
    return { text: content };
  }
}

function locationOf(node: Node): Location | undefined {
  const [latitude, longitude] = [node['latitude'], node['longitude']].map(Number);
  if (latitude === undefined || longitude === undefined) return undefined;
  if (!Number.isFinite(latitude) || !Number.isFinite(longitude)) return undefined;
  const label = textOf(node['name']) || textOf(node['title']) || textOf(node['label']);
  const address = textOf(node['address']);
  return { latitude, longitude, ...(label && { label }), ...(address && { address }) };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
}
