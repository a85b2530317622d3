import { expect } from 'vitest';
import {
  mediaRule,
  type CarriedFile,
  type KeptFile,
  type MessageContent,
  type PartContent,
  type SenderNumber,
} from '#core';
import { CONTENTS, frozen, isSomething, PATIENT, sendPart, type ChannelWorld, type Row } from './world.js';

const RENDERED: Row[] = CONTENTS.flatMap(([name, content]) => [
  {
    name: `renders ${name} as parts that say something and keep to the limits`,
    check: async (world) => {
      for (const number of numbersOf(world)) checkRendered(world, frozen(content), number);
    },
  },
  {
    name: `sends ${name} as it was rendered, and its provider takes it`,
    check: async (world) => {
      for (const number of numbersOf(world)) {
        const to = world.newCustomer(number);
        const parts = world.channel.render(content, { address: to });
        for (const part of parts) await world.channel.send(sendPart(world, { number, to, part }), PATIENT);
        expect(world.taken(to)).toHaveLength(parts.length);
      }
    },
  },
]);

export const RENDERING: readonly Row[] = [
  {
    name: 'says what it can carry',
    check: async ({ channel, plain, rich }) => {
      const { maxTextLength, replyWindowMs } = channel.capabilities;
      expect(maxTextLength).toBeGreaterThanOrEqual(2);
      for (const windowMs of Object.values(replyWindowMs)) expect(windowMs).toBeGreaterThan(0);
      for (const number of [plain, rich]) {
        const limits = channel.mediaCapabilities(number);
        expect(limits.maxPerPart).toBeGreaterThanOrEqual(1);
        expect(limits.maxCaptionLength).toBeLessThanOrEqual(maxTextLength);
        for (const { types, maxBytes } of limits.rules) {
          expect(maxBytes, 'a rule that lets more through than a part carries').toBeLessThanOrEqual(
            limits.maxBytesPerPart,
          );
          for (const type of types) expect(type).toMatch(/^[a-z]+\/[a-z0-9.+-]+(; [a-z]+=[a-z0-9]+)?$/);
        }
      }
    },
  },
  ...RENDERED,
  {
    name: 'renders a template as what stands at the provider, with its variables',
    check: async ({ channel, rich }) => {
      const to = { address: rich.address };
      const template = { type: 'template', contentSid: 'T1', variables: { 1: 'Ada' } } as const;
      expect(channel.render(template, to)).toEqual([{ content: { sid: 'T1', variables: { 1: 'Ada' } } }]);
    },
  },
  {
    name: 'renders without an addressee',
    check: async ({ channel }) => {
      for (const [, content] of CONTENTS) expect(channel.render(content).length).toBeGreaterThan(0);
    },
  },
  {
    name: 'attaches nothing to nothing, and leaves parts as they are',
    check: async (world) => {
      for (const number of numbersOf(world)) {
        expect(world.channel.attach([], [], number)).toEqual([]);
        const parts: PartContent[] = frozen([{ text: 'one' }, { text: 'two' }]);
        expect(world.channel.attach(parts, [], number)).toEqual(parts);
      }
    },
  },
  {
    name: 'attaches 30 files in their order, within the limits',
    check: async (world) => {
      for (const number of numbersOf(world)) {
        const { maxTextLength } = world.channel.capabilities;
        const files = allowedFiles(world, number).map((media) => ({ media }));
        for (const parts of [
          [],
          [{ text: 'Look' }],
          [{ text: 'one' }, { text: 'y'.repeat(maxTextLength - 50) }],
        ]) {
          checkAttached(world, number, parts, files);
        }
      }
    },
  },
  {
    name: 'attaches links among files, whole and in their order',
    check: async (world) => {
      for (const number of numbersOf(world)) {
        const link = (n: number): CarriedFile => ({
          link: `https://media.example/${n}-${'z'.repeat(120)}`,
          filename: `${n}.zip`,
        });
        const [first, second] = allowedFiles(world, number) as [KeptFile, KeptFile];
        const files = [
          link(1),
          { media: first },
          ...Array.from({ length: 20 }, (_, n) => link(n + 2)),
          { media: second },
        ];
        checkAttached(world, number, [{ text: 'Look' }], files);
        checkAttached(world, number, [], files);
      }
    },
  },
  {
    name: 'leaves choices and places by themselves where files are attached',
    check: async (world) => {
      const parts: PartContent[] = [{ text: '1. Yes', choices: [{ title: 'Yes' }] }];
      for (const number of numbersOf(world)) {
        const [media] = allowedFiles(world, number) as [KeptFile];
        const attached = world.channel.attach(frozen(parts), [{ media }], number);
        expect(attached.find(({ choices }) => choices)).toEqual(parts[0]);
        expect(attached.flatMap((part) => part.media ?? [])).toEqual([media]);
      }
    },
  },
];

function numbersOf({ plain, rich }: ChannelWorld): SenderNumber[] {
  return plain === rich ? [plain] : [plain, rich];
}

function checkRendered({ channel }: ChannelWorld, content: MessageContent, number: SenderNumber): void {
  const to = frozen({ address: number.address });
  const parts = channel.render(content, to);
  expect(parts.length, 'parts').toBeGreaterThan(0);
  for (const part of parts) {
    expect(isSomething(part), 'a part is empty').toBe(true);
    checkText(channel.capabilities.maxTextLength, part);
  }
  expect(channel.render(content, to), 'the same again').toEqual(parts);
  if (content.type !== 'text' || content.text.trim() === '') return;
  const said = parts.map(({ text = '' }) => text).join('');
  expect(said.replaceAll(/\s/g, ''), 'all that was written').toBe(content.text.replaceAll(/\s/g, ''));
  if (!content.text.isWellFormed()) return;
  expect(
    parts.every(({ text = '' }) => text.isWellFormed()),
    'a character is cut in two',
  ).toBe(true);
}

function checkText(maxTextLength: number, { text = '' }: PartContent): void {
  expect(text.length, 'the length of a part').toBeLessThanOrEqual(maxTextLength);
}

/** Thirty files, of every type and size that the number takes. */
function allowedFiles({ channel }: ChannelWorld, number: SenderNumber): KeptFile[] {
  const { rules } = channel.mediaCapabilities(number);
  // The size in pixels is known to nobody who attaches.
  const free = rules.filter(({ pixels }) => !pixels);
  return Array.from({ length: 30 }, (_, n) => {
    const { types, maxBytes } = free[n % free.length] as (typeof free)[number];
    const contentType = types[n % types.length] ?? '';
    return { key: `key-${n}`, contentType, bytes: n % 3 === 0 ? maxBytes : 1 + n, filename: `file-${n}` };
  });
}

function checkAttached(
  { channel }: ChannelWorld,
  number: SenderNumber,
  texts: PartContent[],
  files: CarriedFile[],
): void {
  const limits = channel.mediaCapabilities(number);
  const attached = channel.attach(frozen(texts), frozen(files), number);
  const media = files.flatMap((file) => ('media' in file ? [file.media] : []));
  expect(
    attached.flatMap((part) => part.media ?? []),
    'the files, in order',
  ).toEqual(media);
  const said = attached.map(({ text = '' }) => text).join('\n');
  const words = [
    ...texts.map(({ text = '' }) => text),
    ...files.flatMap((file) => ('link' in file ? [file.link] : [])),
  ];
  let from = 0;
  for (const word of words) {
    const at = said.indexOf(word, from);
    expect(at, 'a text or link is missing, cut or out of order').toBeGreaterThanOrEqual(0);
    from = at + word.length;
  }
  for (const part of attached) {
    expect(isSomething(part), 'a part is empty').toBe(true);
    checkText(channel.capabilities.maxTextLength, part);
    const { media: carried = [], text } = part;
    expect(carried.length, 'files of a part').toBeLessThanOrEqual(limits.maxPerPart);
    const bytes = carried.reduce((sum, file) => sum + file.bytes, 0);
    expect(bytes, 'bytes of a part').toBeLessThanOrEqual(limits.maxBytesPerPart);
    if (carried.length === 0 || text === undefined) continue;
    expect(text.length, 'a caption').toBeLessThanOrEqual(limits.maxCaptionLength);
    expect(
      carried.some((file) => mediaRule(limits, file)?.caption),
      'a caption where none is shown',
    ).toBe(true);
  }
}
