import { describe, expect, it } from 'vitest';
import type { CarriedFile, Channel, PartContent } from '#core';
import { mediaCapabilities } from './capabilities.js';
import { attach } from './render-media.js';

const limits = mediaCapabilities(500_000);
const file = (name: string, contentType: string, bytes = 1_000): CarriedFile => ({
  media: { key: name, contentType, bytes, filename: name },
});
const jpeg = (name: string, bytes?: number) => file(name, 'image/jpeg', bytes);
const link = (filename: string): CarriedFile => ({ filename, link: `https://c.example/media/${filename}` });
const long = 'x'.repeat(1_500);

/** `text+a,b` for a part with a text and two files. */
function shown(channel: Channel, parts: PartContent[], files: CarriedFile[]): string[] {
  return attach(parts, files, limits[channel], 1_600).map(({ text, media, ...rest }) =>
    [
      text === undefined ? undefined : text.length > 100 ? `(${text.length})` : text,
      media && `[${media.map(({ key }) => key).join(',')}]`,
      ...Object.keys(rest),
    ]
      .filter((each) => each !== undefined)
      .join(' '),
  );
}

const opus = 'audio/ogg; codecs=opus';

describe(attach.name, () => {
  it.each<[string, Channel, PartContent[], CarriedFile[], string[]]>([
    ['nothing', 'sms', [], [], []],
    ['a text alone', 'whatsapp', [{ text: 'hi' }], [], ['hi']],
    ['a picture with its text, by MMS', 'sms', [{ text: 'hi' }], [jpeg('a')], ['hi [a]']],
    ['a picture with its text, on WhatsApp', 'whatsapp', [{ text: 'hi' }], [jpeg('a')], ['hi [a]']],
    ['a picture alone', 'whatsapp', [], [jpeg('a')], ['[a]']],
    ['pictures in one MMS', 'sms', [{ text: 'hi' }], [jpeg('a'), jpeg('b'), jpeg('c')], ['hi [a,b,c]']],
    [
      'one picture to a WhatsApp message, in order',
      'whatsapp',
      [{ text: 'hi' }],
      [jpeg('a'), jpeg('b'), jpeg('c')],
      ['hi [a]', '[b]', '[c]'],
    ],
    [
      'no more to an MMS than it holds',
      'sms',
      [],
      [jpeg('a', 3_000_000), jpeg('b', 1_900_000), jpeg('c', 200_000)],
      ['[a,b]', '[c]'],
    ],
    [
      'at most ten files to an MMS',
      'sms',
      [],
      Array.from('abcdefghijk', (name) => jpeg(name)),
      ['[a,b,c,d,e,f,g,h,i,j]', '[k]'],
    ],
    [
      'a voice note after its text',
      'whatsapp',
      [{ text: 'hi' }],
      [file('v', opus), jpeg('a')],
      ['hi', '[v]', '[a]'],
    ],
    ['a sticker after its text', 'whatsapp', [{ text: 'hi' }], [file('s', 'image/webp')], ['hi', '[s]']],
    ['a document with its text', 'whatsapp', [{ text: 'hi' }], [file('d', 'application/pdf')], ['hi [d]']],
    ['a video with its text', 'whatsapp', [{ text: 'hi' }], [file('m', 'video/mp4')], ['hi [m]']],
    [
      'a text that is too long for a caption before the picture',
      'whatsapp',
      [{ text: long }],
      [jpeg('a')],
      ['(1500)', '[a]'],
    ],
    ['the same by MMS', 'sms', [{ text: long }], [jpeg('a')], ['(1500) [a]']],
    [
      'files with the last of several texts',
      'sms',
      [{ text: long }, { text: 'end' }],
      [jpeg('a')],
      ['(1500)', 'end [a]'],
    ],
    [
      'links as lines of the text',
      'sms',
      [{ text: 'hi' }],
      [link('r.pdf')],
      ['hi\nr.pdf: https://c.example/media/r.pdf'],
    ],
    ['a link without a text', 'whatsapp', [], [link('r.pdf')], ['r.pdf: https://c.example/media/r.pdf']],
    [
      'a link in the caption of a picture',
      'whatsapp',
      [],
      [jpeg('a'), link('z')],
      ['z: https://c.example/media/z [a]'],
    ],
    [
      'a link that does not fit as a part of its own',
      'sms',
      [{ text: 'y'.repeat(1_590) }],
      [link('r.pdf')],
      ['(1590)', 'r.pdf: https://c.example/media/r.pdf'],
    ],
    [
      'what offers choices as a part of its own',
      'whatsapp',
      [{ text: 'Choose', cards: [] }],
      [jpeg('a')],
      ['Choose cards', '[a]'],
    ],
    [
      'lines beside what offers choices',
      'whatsapp',
      [{ text: 'Choose', cards: [] }],
      [link('z')],
      ['Choose cards', 'z: https://c.example/media/z'],
    ],
  ])('makes parts of %s', (_name, channel, parts, files, expected) => {
    expect(shown(channel, parts, files)).toEqual(expected);
  });
});

describe(mediaCapabilities.name, () => {
  it('takes no file alone that no part could carry', () => {
    for (const { rules, maxBytesPerPart, scaledImageBytes } of Object.values(limits)) {
      for (const { maxBytes } of rules) expect(maxBytes).toBeLessThanOrEqual(maxBytesPerPart);
      const images = rules.find(({ types }) => types.includes('image/jpeg') && types.includes('image/png'));
      expect(images?.maxBytes).toBeGreaterThanOrEqual(scaledImageBytes);
    }
  });
});
