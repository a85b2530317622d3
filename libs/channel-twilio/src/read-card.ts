import type { Card, CardAction, Choice } from '#core';

/** What a message's cards say, whichever vendor's they are. */
export interface CardReading {
  /** What a person would read, line by line in its own order; a link is `Title: address`. */
  readonly lines: string[];
  readonly choices: Choice[];
  readonly places: Place[];
}

export interface Place {
  latitude: string;
  longitude: string;
  label?: string;
}

type Node = Readonly<Record<string, unknown>>;
type Reader = (node: Node, walk: Walk, depth: number) => void;

/** What a card is that does not say. */
const ADAPTIVE_CARD = 'application/vnd.microsoft.card.adaptive';
/** Adaptive cards nest some twenty levels; a deeper one is cut short, not followed. */
const MAX_DEPTH = 40;
/** Elements and characters of all cards of one message. */
const MAX_NODES = 3_000;
const MAX_CHARACTERS = 12_000;
/** A customer's answer has two digits at most. */
const MAX_CHOICES = 99;
/** Anything longer names no choice. */
const MAX_PAYLOAD = 2_000;

/** What the elements of an adaptive card say. Source: https://adaptivecards.io/schemas/1.6.0/adaptive-card.json */
const ADAPTIVE: Readonly<Record<string, Reader>> = {
  textblock: (node, walk) => walk.say(textOf(node['text'])),
  richtextblock: (node, walk) =>
    walk.say(
      listOf(node['inlines'])
        .map((run) => textOf(run) || textOf(nodeOf(run)['text']))
        .join(''),
    ),
  factset: (node, walk) => {
    for (const { title, value } of listOf(node['facts']).map(nodeOf)) {
      walk.say([textOf(title), textOf(value)].filter(Boolean).join(': '));
    }
  },
  image: (node, walk) => walk.link(textOf(node['altText']), node['url']),
  media: (node, walk) => walk.link(textOf(node['altText']), nodeOf(listOf(node['sources'])[0])['url']),
  'input.choiceset': (node, walk) => {
    walk.say(textOf(node['label']) || textOf(node['placeholder']));
    const input = textOf(node['id']);
    for (const { title, value } of listOf(node['choices']).map(nodeOf)) {
      walk.offer(title ?? value, value, { input, value });
    }
  },
  'input.toggle': (node, walk) => walk.say(textOf(node['title']) || textOf(node['label'])),
  'action.submit': (node, walk) =>
    walk.offer(node['title'], node['data'], { action: 'submit', data: membersOf(node['data']) }),
  'action.execute': (node, walk) => {
    const { verb, data } = node;
    const members = { ...(textOf(verb) !== '' && { verb }), ...membersOf(data) };
    walk.offer(node['title'], data ?? verb, { action: 'execute', data: members });
  },
  'action.openurl': (node, walk) => walk.link(textOf(node['title']), node['url']),
  'action.showcard': (node, walk, depth) => {
    walk.say(textOf(node['title']));
    walk.visit(node['card'], depth);
  },
  // It shows and hides elements that are all read anyway.
  'action.togglevisibility': () => undefined,
};

/** Containers of an adaptive card; their members stand under the names below, which are read in this order. */
const CONTAINER =
  /^(?:adaptivecard|container|columnset|column|imageset|actionset|table|tablerow|tablecell|carousel|carouselpage)$/;
const MEMBERS = ['body', 'items', 'columns', 'images', 'rows', 'cells', 'pages', 'actions', 'selectAction'];

/** On other cards: lists of what can be pressed, … */
const PRESSED =
  /^(?:options|buttons|actions|replies|quick_?replies|suggestions|suggested_?replies|choices|rows)$/i;
/** … strings that a person reads, … */
const READ = /^(?:title|subtitle|text|body|label|value|description|caption|header|footer|placeholder)$/i;
/** … addresses of what is shown, … */
const SHOWN = /^(?:url|link|(?:image|media|file|document|video)_?url)$/i;
/** … and what a button sends back, which is not shown. */
const SENT = /^(?:data|payload|postback|postback_?data)$/i;

/** Reads a message's cards as one. What is no card that anyone knows is read by the names of its members. */
export function readCards(cards: readonly Card[]): CardReading {
  const walk = new Walk();
  for (const [index, card] of cards.entries()) walk.read(card, index);
  return walk;
}

/** Some senders put the card in as JSON text. */
function parsed(content: unknown): unknown {
  if (typeof content !== 'string') return content;
  try {
    const value: unknown = JSON.parse(content);
    return typeof value === 'object' ? value : { text: content };
  } catch {
    return { text: content };
  }
}

/** What pressing a choice means to its card: one of its actions, or a value of one of its inputs. */
type Meaning = Pick<CardAction, 'action' | 'data'> | { input: string; value: unknown };

class Walk implements CardReading {
  readonly lines: string[] = [];
  readonly choices: Choice[] = [];
  readonly places: Place[] = [];
  private nodes = 0;
  private characters = 0;
  /** Of the card that is being read. */
  private inputs = 0;
  private readonly meanings = new Map<Choice, Meaning>();

  read({ content, contentType = ADAPTIVE_CARD }: Card, index: number): void {
    this.inputs = 0;
    this.meanings.clear();
    this.visit(parsed(content), 0);
    if (contentType === ADAPTIVE_CARD) this.addActions(index);
  }

  visit(value: unknown, depth: number): void {
    if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
    this.nodes += 1;
    if (this.nodes > MAX_NODES) return;
    if (Array.isArray(value)) {
      for (const each of value) this.visit(each, depth + 1);
      return;
    }
    const node = value as Node;
    if (node['isVisible'] === false) return;
    const type = textOf(node['type']).toLowerCase();
    if (type.startsWith('input.')) this.inputs += 1;
    const read = Object.hasOwn(ADAPTIVE, type) ? ADAPTIVE[type] : undefined;
    if (read) read(node, this, depth + 1);
    else if (CONTAINER.test(type)) this.container(node, depth + 1);
    else this.other(node, depth + 1);
  }

  /** One line; the same one twice in a row says nothing new. */
  say(line: string): void {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed === this.lines.at(-1) || this.characters >= MAX_CHARACTERS) return;
    const kept = cutTo(trimmed, MAX_CHARACTERS - this.characters);
    this.characters += kept.length;
    this.lines.push(kept);
  }

  link(title: string, address: unknown): void {
    const url = textOf(address).trim();
    // What is built into the card can be looked at nowhere else.
    if (url === '' || url.startsWith('data:')) return this.say(title);
    this.say(title.trim() === '' ? url : `${title.trim()}: ${url}`);
  }

  offer(title: unknown, data?: unknown, meaning?: Meaning): void {
    const shown = textOf(title).replaceAll(/\s+/gu, ' ').trim();
    const payload = payloadOf(data);
    // One that is too many is still read.
    if (this.choices.length >= MAX_CHOICES || this.characters >= MAX_CHARACTERS) return this.say(shown);
    if (shown === '') return;
    this.characters += shown.length;
    const choice: Choice = { title: shown, ...(payload !== undefined && { payload }) };
    this.choices.push(choice);
    if (meaning) this.meanings.set(choice, meaning);
  }

  /**
   * One choice is all that a customer makes. So a card is told of it where that is all it asks for: one of its buttons where it has
   * no inputs, or a value of its only input where it has one button. Half a form would be worse than none.
   */
  private addActions(card: number): void {
    const pressed = [...this.meanings];
    const actions = pressed.flatMap(([, meaning]) => ('action' in meaning ? meaning : []));
    const [only] = actions;
    for (const [choice, meaning] of pressed) {
      if ('action' in meaning) {
        if (this.inputs === 0) addAction(choice, { card, ...meaning });
      } else if (this.inputs === 1 && actions.length === 1 && only && meaning.input !== '') {
        addAction(choice, { card, ...only, data: { ...only.data, [meaning.input]: meaning.value } });
      }
    }
  }

  private container(node: Node, depth: number): void {
    for (const name of MEMBERS) this.visit(node[name], depth);
    if (depth === 1 && this.lines.length === 0) this.say(textOf(node['fallbackText']));
  }

  private other(node: Node, depth: number): void {
    const place = placeOf(node);
    if (place) {
      this.places.push(place);
      this.say(textOf(node['text']) || textOf(node['body']));
      return;
    }
    for (const [key, each] of Object.entries(node)) {
      if (SENT.test(key)) continue;
      if (Array.isArray(each) && PRESSED.test(key)) for (const one of each) this.press(one, depth);
      else if (typeof each === 'object') this.visit(each, depth);
      else if (SHOWN.test(key)) this.link('', each);
      else if (READ.test(key)) this.say(textOf(each));
    }
  }

  /** A button, by whatever members vendors give it: `title`, `text`; `url`, `phone`; `payload`, `id`. */
  private press(value: unknown, depth: number): void {
    if (typeof value === 'string') return this.offer(value, value);
    const outer = nodeOf(value);
    const one: Node = { ...outer, ...nodeOf(outer['reply']), ...nodeOf(outer['action']) };
    const { title: titled, text, label, displayText, name } = one;
    const title =
      [titled, text, nodeOf(text)['text'], label, displayText, name].map(textOf).find(Boolean) ?? '';
    const url = one['url'] ?? one['link'] ?? nodeOf(one['openUrlAction'])['url'];
    const { phone_number, phoneNumber = phone_number } = one;
    const phone = phoneNumber ?? one['phone'] ?? nodeOf(one['dialAction'])['phoneNumber'];
    if (Object.hasOwn(ADAPTIVE, textOf(one['type']).toLowerCase())) this.visit(value, depth);
    else if (textOf(url) !== '') this.link(title, url);
    else if (textOf(phone) !== '') this.say([title, textOf(phone)].filter(Boolean).join(': '));
    else if (title === '') this.visit(value, depth);
    else {
      const description = textOf(one['description']);
      if (description !== '') this.say(`${title}: ${description}`);
      this.offer(title, sentBy(one));
    }
  }
}

function addAction(choice: Choice, cardAction: CardAction): void {
  if (payloadOf(cardAction.data) !== undefined) choice.cardAction = cardAction;
}

/** Data as members of an object, as the desk takes them. */
function membersOf(data: unknown): Record<string, unknown> {
  if (data === undefined || data === null || data === '') return {};
  return typeof data === 'object' && !Array.isArray(data) ? { ...data } : { data };
}

/** What a button sends back. */
function sentBy(one: Node): unknown {
  const { data } = one;
  const named = one['payload'] ?? one['postback'] ?? one['postbackData'] ?? one['postback_data'];
  return nodeOf(data)['postback'] ?? nodeOf(data)['payload'] ?? named ?? data ?? one['id'] ?? one['value'];
}

/** Text stays as it is, anything else becomes JSON. */
function payloadOf(data: unknown): string | undefined {
  if (data === undefined || data === null || data === '') return undefined;
  try {
    const payload = typeof data === 'string' ? data : JSON.stringify(data);
    return payload.length <= MAX_PAYLOAD ? payload : undefined;
  } catch {
    // Nested too deeply to be written.
    return undefined;
  }
}

function placeOf(node: Node): Place | undefined {
  const latitude = degrees(node['latitude'] ?? node['lat'], 90);
  const longitude = degrees(node['longitude'] ?? node['lng'] ?? node['lon'] ?? node['long'], 180);
  if (latitude === undefined || longitude === undefined) return undefined;
  const named = textOf(node['name']) || textOf(node['title']) || textOf(node['label']);
  const label = [named, textOf(node['address'])].filter(Boolean).join(', ');
  return { latitude, longitude, ...(label !== '' && { label: label.replaceAll(/\s+/gu, ' ') }) };
}

function degrees(value: unknown, max: number): string | undefined {
  const text = textOf(value).trim();
  return /^-?\d{1,3}(?:\.\d{1,15})?$/.test(text) && Math.abs(Number(text)) <= max ? text : undefined;
}

/** At most `max` UTF-16 code units, the last one an ellipsis where something is missing; no character is cut in two. */
export function cutTo(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = (text.codePointAt(max - 2) ?? 0) > 0xffff ? max - 2 : max - 1;
  return `${text.slice(0, Math.max(0, end)).trimEnd()}…`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function nodeOf(value: unknown): Node {
  return typeof value === 'object' && value !== null ? (value as Node) : {};
}
