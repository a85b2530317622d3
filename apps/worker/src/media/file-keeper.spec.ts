import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeliveryError, MediaRefusedError, type CarriedFile, type MediaCapabilities } from '#core';
import { LinkSecrets, MediaStore, Metrics, verifyMediaToken } from '#platform';
import { FileKeeper } from './file-keeper.js';

let directory: string;
let store: MediaStore;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'causeway-keeper-'));
  store = new MediaStore({ directory, keepDays: 7 });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const secret = randomBytes(32);
const keeper = (changes: { now?: () => number; store?: MediaStore } = {}) =>
  new FileKeeper({
    store: changes.store ?? store,
    secrets: new LinkSecrets(async () => [secret]),
    metrics: new Metrics({ processMetrics: false }),
    publicBaseUrl: 'https://causeway.example/base',
    keepDays: 7,
    ...(changes.now && { now: changes.now }),
  });

const limits: MediaCapabilities = {
  maxPerPart: 1,
  maxBytesPerPart: 100_000,
  maxCaptionLength: 100,
  scaledImageBytes: 50_000,
  rules: [
    { types: ['image/jpeg', 'image/png'], maxBytes: 80_000, caption: true },
    { types: ['image/webp'], maxBytes: 80_000, caption: false, pixels: { width: 512, height: 512 } },
    { types: ['application/pdf'], maxBytes: 1_000, caption: true },
  ],
};

const plain = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: 'teal' } });
const keep = (bytes: Buffer, filename: string): Promise<CarriedFile> =>
  keeper().keep({ body: Readable.from([bytes]), filename }, limits);
const pdf = (length: number) => Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(length)]);

describe(FileKeeper.name, () => {
  it('keeps what the channel takes as it is', async () => {
    const bytes = await plain(20, 20).jpeg().toBuffer();
    const kept = await keep(bytes, 'photo.png');
    expect(kept).toMatchObject({
      media: { contentType: 'image/jpeg', bytes: bytes.length, filename: 'photo.jpg' },
    });
    if ('media' in kept) expect((await buffer(await store.read(kept.media.key))).equals(bytes)).toBe(true);
  });

  it('makes a picture fit that is too large or of another kind', async () => {
    const noise = { type: 'gaussian' as const, mean: 128, sigma: 50 };
    const large = sharp({ create: { width: 600, height: 600, channels: 3, background: 'grey', noise } });
    for (const bytes of [
      await large.png().toBuffer(),
      await plain(30, 30).webp().toBuffer(),
      await plain(30, 30).tiff().toBuffer(),
    ]) {
      const kept = await keep(bytes, 'photo.x');
      expect(kept).toMatchObject({ media: { contentType: 'image/jpeg', filename: 'photo.jpg' } });
      if ('media' in kept) expect(kept.media.bytes).toBeLessThanOrEqual(50_000);
    }
  });

  it('knows a sticker by its size', async () => {
    expect(await keep(await plain(512, 512).webp().toBuffer(), 's.webp')).toMatchObject({
      media: { contentType: 'image/webp' },
    });
  });

  it.each<[string, Buffer, string]>([
    ['too large', pdf(2_000), 'r.pdf'],
    ['of a kind that the channel lacks', Buffer.from('plain words'), 'notes.txt'],
    ['of no kind that anybody knows', randomBytes(100), 'data.bin'],
  ])('offers what is %s by a link', async (_name, bytes, filename) => {
    const kept = await keep(bytes, filename);
    if (!('link' in kept)) throw new Error('It was carried.');
    const [, token = ''] = kept.link.split('https://causeway.example/base/media/');
    const read = verifyMediaToken(token, [secret]);
    expect(read).toMatchObject({ filename, bytes: bytes.length });
    expect(read?.expiresAt).toBeGreaterThan(Date.now() / 1_000 + 6.99 * 86_400);
    expect((await buffer(await store.read(read?.key ?? ''))).equals(bytes)).toBe(true);
  });

  it.each<[string, Buffer, string, object]>([
    ['nothing', Buffer.of(), 'a.jpg', { refused: 'empty' }],
    ['a page', Buffer.from('<html><body>'), 'a.txt', { refused: 'wrong-type', detail: 'text/html' }],
    ['a program', Buffer.from('MZ'.padEnd(100, '\0')), 'a.pdf', { refused: 'wrong-type' }],
    ['half a header', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 1]), 'a.jpg', { refused: 'unreadable' }],
  ])('refuses %s', async (_name, bytes, filename, refusal) => {
    const error: unknown = await keep(bytes, filename).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MediaRefusedError);
    expect(error).toMatchObject({ refusal });
  });

  it('leaves nothing behind of what only passed through', async () => {
    await keep(await plain(20, 20).tiff().toBuffer(), 'a.tiff');
    await keep(Buffer.of(), 'a').catch(() => undefined);
    const broken = new Readable({
      read() {
        this.destroy(new DeliveryError('not-sent', { code: 'connection-lost' }));
      },
    });
    await expect(keeper().keep({ body: broken }, limits)).rejects.toMatchObject({ code: 'connection-lost' });
    expect(await readdir(join(directory, 'incoming'))).toEqual([]);
  });

  it('can be tried again where the store cannot be written', async () => {
    await writeFile(join(directory, 'a-file'), '');
    const nowhere = new MediaStore({ directory: join(directory, 'a-file', 'media'), keepDays: 7 });
    const failure = keeper({ store: nowhere }).keep({ body: Readable.from(['x']), filename: 'a' }, limits);
    await expect(failure).rejects.toMatchObject({ kind: 'not-sent', code: 'media-store' });
  });

  it("makes links that outlive Twilio's queue, and none to what will be gone", async () => {
    const kept = await keep(await plain(20, 20).jpeg().toBuffer(), 'a.jpg');
    if (!('media' in kept)) throw new Error('It was not carried.');
    const token = (await keeper().link(kept.media)).split('/media/')[1] ?? '';
    const { expiresAt = 0 } = verifyMediaToken(token, [secret]) ?? {};
    expect(expiresAt - Date.now() / 1_000).toBeGreaterThan(36_000);
    const later = keeper({ now: () => Date.now() + 9 * 86_400_000 });
    await expect(later.link(kept.media)).rejects.toMatchObject({ kind: 'failed', code: 'media-expired' });
  });
});
