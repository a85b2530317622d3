import { STATE_RULES } from '#core';
import { PHASES, phaseAfter, SIGNS, type Phase, type Sign } from './conversation-transitions.js';

const phases = Object.keys(PHASES) as Phase[];
const signs = Object.keys(SIGNS) as Sign[];

/** The states, rules and transitions as Markdown. */
export function conversationTables(): string {
  const transitions = signs.map((sign) => {
    const cells = phases.map((phase) => {
      const next = phaseAfter(phase, sign);
      return next === undefined ? '' : next === phase ? '·' : next;
    });
    return [`**${sign}**`, ...cells];
  });
  return [
    '### The state, from facts',
    '',
    'The first line that holds decides.',
    '',
    ...table(
      ['', 'where', 'state'],
      [
        ...STATE_RULES.map(({ when, state }, n) => [String(n + 1), when, `\`${state}\``]),
        [String(STATE_RULES.length + 1), 'else', '`opening`'],
      ],
    ),
    '',
    '### The phases',
    '',
    ...table(
      ['phase', 'state', 'is'],
      phases.map((phase) => [`**${phase}**`, `\`${PHASES[phase].state}\``, PHASES[phase].means]),
    ),
    '',
    '### What each event makes of them',
    '',
    'A dot: the phase stays. Nothing: that cannot be.',
    '',
    ...table(['', ...phases], transitions),
    '',
    '### The events',
    '',
    ...table(
      ['sign', 'events', 'what is done beside'],
      signs.map((sign) => [`**${sign}**`, SIGNS[sign].events, SIGNS[sign].does]),
    ),
  ].join('\n');
}

/** As the formatter writes tables: columns as wide as their widest cell. */
function table(head: string[], rows: string[][]): string[] {
  const widths = head.map((_, n) => Math.max(3, ...[head, ...rows].map((row) => row[n]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)];
}

type Node = 'opening' | 'queued' | 'active' | 'leaving' | 'post-agent' | 'closed';

/** Phases that differ only by what comes next are one box. */
function nodeOf(phase: Phase): Node {
  return phase === 'leaving' ? 'leaving' : PHASES[phase].state;
}

const LABELS: Readonly<Partial<Record<Sign, string>>> = {
  active: 'active',
  queued: 'QUEUED',
  transfer: 'TRANSFER',
  'agent joined': 'agent joined',
  'agent assigned': 'agent assigned',
  'agent wrote': 'agent wrote',
  'bot assigned': 'bot assigned',
};
/** What the leaving of the last agent came after. */
const LEFT: Readonly<Partial<Record<Phase, string[]>>> = {
  active: ['last agent left'],
  'active, transferred': ['last agent left,', 'after TRANSFER or QUEUED'],
  'active, queued': ['last agent left,', 'after TRANSFER or QUEUED'],
  'active, bot next': ['last agent left,', 'a bot follows'],
};

/**
 * From one box to another, with the words on it. `idle` has one arrow for all; an agent who left before anybody heard of their
 * joining has none.
 */
function edges(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const phase of phases) {
    for (const sign of signs) {
      const next = phaseAfter(phase, sign);
      if (next === undefined || sign === 'idle' || nodeOf(next) === nodeOf(phase)) continue;
      if (sign === 'last agent left' && PHASES[phase].served !== true) continue;
      const words = sign === 'last agent left' ? LEFT[phase] : wordsFor(sign, phase);
      if (!words || words.includes('')) throw new Error(`No words for ${sign} in ${phase}.`);
      const key = `${nodeOf(phase)} → ${nodeOf(next)}`;
      found.set(key, [...new Set([...(found.get(key) ?? []), ...words])]);
    }
  }
  return found;
}

function wordsFor(sign: Sign, phase: Phase): string[] {
  const word = LABELS[sign] ?? '';
  // Where the first agent is still to come, a bot that is assigned changes nothing.
  return sign === 'bot assigned' && nodeOf(phase) === 'queued' ? [`${word},`, 'after agents'] : [word];
}

const WIDTH = 1250;
const HEIGHT = 570;
const BOX = { width: 132, height: 58 };
const NODES: Readonly<Record<Node, { x: number; y: number; note?: string }>> = {
  opening: { x: 92, y: 210 },
  queued: { x: 330, y: 210 },
  active: { x: 610, y: 210 },
  leaving: { x: 850, y: 210, note: 'active, in its grace' },
  'post-agent': { x: 610, y: 450 },
  closed: { x: 1096, y: 210 },
};

/** How each arrow runs, and where the middle of its words' first line stands. */
const ROUTES: Readonly<Record<string, { path: string; at: [number, number]; anchor?: 'start' | 'end' }>> = {
  'opening → queued': { path: 'M224 239H326', at: [276, 262] },
  'opening → active': { path: 'M158 210C190 110 560 110 640 206', at: [300, 124] },
  'queued → active': { path: 'M462 228H606', at: [534, 218] },
  'active → queued': { path: 'M610 250H466', at: [536, 271] },
  'active → leaving': { path: 'M742 228H846', at: [796, 218] },
  'leaving → active': { path: 'M850 250H746', at: [796, 271] },
  'leaving → queued': { path: 'M916 210C880 40 460 40 400 206', at: [706, 58] },
  'active → post-agent': { path: 'M656 268V446', at: [646, 352], anchor: 'end' },
  'post-agent → active': { path: 'M696 450V272', at: [706, 352], anchor: 'start' },
  'queued → post-agent': { path: 'M420 268C430 380 500 460 606 468', at: [454, 322], anchor: 'start' },
  'post-agent → queued': { path: 'M610 492C460 492 366 420 366 272', at: [374, 440], anchor: 'end' },
  'leaving → post-agent': { path: 'M916 268C916 400 850 478 746 478', at: [906, 400], anchor: 'start' },
};

/** The drawing, as SVG. */
export function conversationPicture(): string {
  const words = edges();
  const missing = [...words.keys()].filter((key) => !(key in ROUTES));
  const extra = Object.keys(ROUTES).filter((key) => !words.has(key));
  if (missing.length + extra.length > 0)
    throw new Error(`Draw ${missing.join()}; draw no more ${extra.join()}.`);
  const arrows = Object.entries(ROUTES).map(([key, { path, at, anchor }]) => {
    const lines = words.get(key) ?? [];
    return arrow(path, lines, at, anchor);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="t">
<title id="t">The states of a conversation, and what leads from one to another</title>
<style>
svg { color-scheme: light dark; font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; }
.ground { fill: #fff; }
.frame { fill: #f6f8fa; stroke: #d0d7de; }
.box { fill: #fff; stroke: #57606a; stroke-width: 1.5; }
.closed { fill: #57606a; stroke: #57606a; }
.name { font-size: 16px; font-weight: 600; fill: #1f2328; text-anchor: middle; }
.name.light { fill: #fff; }
.note { font-size: 11.5px; fill: #59636e; text-anchor: middle; }
.word { fill: #1f2328; stroke: #f6f8fa; stroke-width: 4px; paint-order: stroke; stroke-linejoin: round; }
.word.ours { fill: #0a5bc4; }
.line { fill: none; stroke: #57606a; stroke-width: 1.5; }
.line.ours { stroke: #0a5bc4; stroke-dasharray: 5 4; }
.head { fill: #57606a; }
.head.ours { fill: #0a5bc4; }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117; }
.frame { fill: #151b23; stroke: #3d444d; }
.box { fill: #0d1117; stroke: #9198a1; }
.closed { fill: #9198a1; stroke: #9198a1; }
.name { fill: #f0f6fc; }
.name.light { fill: #0d1117; }
.note { fill: #9198a1; }
.word { fill: #f0f6fc; stroke: #151b23; }
.word.ours { fill: #6cb0ff; }
.line { stroke: #9198a1; }
.line.ours { stroke: #6cb0ff; }
.head { fill: #9198a1; }
.head.ours { fill: #6cb0ff; }
}
</style>
<defs>
<marker id="a" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto"><path class="head" d="M0 0L10 5L0 10z"/></marker>
<marker id="b" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto"><path class="head ours" d="M0 0L10 5L0 10z"/></marker>
</defs>
<rect class="ground" width="${WIDTH}" height="${HEIGHT}"/>
<rect class="frame" x="20" y="20" width="1004" height="530" rx="14"/>
${arrow('M44 130C44 190 60 239 88 239', ['a customer writes'], [32, 122], 'start', true)}
${arrows.join('\n')}
${arrow('M982 239H1092', ['5 s pass'], [1058, 229], 'middle', true)}
${arrow('M1024 400C1130 400 1146 340 1146 272', ['idle'], [1042, 392], 'start')}
${arrow('M1024 460C1150 460 1172 360 1172 272', ['operator, opt-out,', 'silent customer'], [1042, 480], 'start', true)}
${Object.entries(NODES)
  .map(([name, { x, y, note }]) => box(name, x, y, note))
  .join('\n')}
</svg>
`;
}

function box(name: string, x: number, y: number, note?: string): string {
  const middle = x + BOX.width / 2;
  const isClosed = name === 'closed';
  const rect = `<rect class="box${isClosed ? ' closed' : ''}" x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="10"/>`;
  const title = `<text class="name${isClosed ? ' light' : ''}" x="${middle}" y="${y + (note ? 27 : 34)}">${name}</text>`;
  return note ? `${rect}${title}<text class="note" x="${middle}" y="${y + 45}">${note}</text>` : rect + title;
}

/** `ours`: what we do ourselves, not an event of the desk. */
function arrow(
  path: string,
  lines: string[],
  [x, y]: [number, number],
  anchor: 'start' | 'middle' | 'end' = 'middle',
  ours = false,
): string {
  const kind = ours ? ' ours' : '';
  const texts = lines.map((line, n) => `<tspan x="${x}" dy="${n === 0 ? 0 : 17}">${line}</tspan>`).join('');
  return `<path class="line${kind}" d="${path}" marker-end="url(#${ours ? 'b' : 'a'})"/><text class="word${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${texts}</text>`;
}
