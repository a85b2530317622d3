import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hugePng } from '../../../../test/support/huge-png.js';
import { fitImage, MAX_PIXELS, readImage } from './fit-image.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'causeway-fit-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let files = 0;
async function written(bytes: Buffer): Promise<string> {
  const path = join(folder, `${(files += 1)}`);
  await writeFile(path, bytes);
  return path;
}

/** A picture that no encoder can make small. */
function noise(width: number, height: number, channels: 3 | 4 = 3) {
  const noisy = { type: 'gaussian' as const, mean: 128, sigma: 40 };
  const picture = sharp({ create: { width, height, channels: 3, background: 'grey', noise: noisy } });
  return channels === 4 ? picture.ensureAlpha(0.5) : picture;
}

describe(fitImage.name, () => {
  it('scales a large picture until it fits, upright and without metadata', async () => {
    const source = await written(
      await noise(1_600, 1_200)
        .withExif({ IFD0: { Artist: 'canary' } })
        .withMetadata({ orientation: 6 })
        .jpeg({ quality: 100 })
        .toBuffer(),
    );
    const target = join(folder, 'target');
    const limit = 150_000;
    expect((await stat(source)).size).toBeGreaterThan(limit);
    const fitted = await fitImage(source, target, limit);
    expect(fitted).toMatchObject({ contentType: 'image/jpeg' });
    expect((await stat(target)).size).toBe(fitted?.bytes);
    expect(fitted?.bytes).toBeLessThanOrEqual(limit);
    const { width, height, orientation, exif } = await sharp(target).metadata();
    expect(height).toBeGreaterThan(width);
    expect([orientation, exif]).toEqual([undefined, undefined]);
  });

  it('keeps what is transparent where it fits', async () => {
    const source = await written(
      await sharp({ create: { width: 500, height: 500, channels: 4, background: '#ff000080' } })
        .webp({ lossless: true })
        .toBuffer(),
    );
    const fitted = await fitImage(source, join(folder, 'alpha'), 100_000);
    expect(fitted).toMatchObject({ contentType: 'image/png' });
    expect((await sharp(join(folder, 'alpha')).metadata()).hasAlpha).toBe(true);
  });

  it('gives transparency up where it does not', async () => {
    const source = await written(await noise(900, 900, 4).png().toBuffer());
    const fitted = await fitImage(source, join(folder, 'flat'), 60_000);
    expect(fitted).toMatchObject({ contentType: 'image/jpeg' });
    expect(fitted?.bytes).toBeLessThanOrEqual(60_000);
  });

  it('makes nothing of a broken picture, and nothing of what is none', async () => {
    const jpeg = await noise(400, 400).jpeg().toBuffer();
    expect(await fitImage(await written(jpeg.subarray(0, 2_000)), join(folder, 'x'), 10_000)).toBeUndefined();
    expect(await fitImage(await written(Buffer.from('hello')), join(folder, 'x'), 10_000)).toBeUndefined();
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>');
    expect(await fitImage(await written(svg), join(folder, 'x'), 10_000)).toBeUndefined();
    expect(await readImage(await written(svg))).toBeUndefined();
  });

  it('does not unpack a bomb', async () => {
    const bomb = await written(hugePng(40_000, 40_000));
    expect(await readImage(bomb)).toEqual({ width: 40_000, height: 40_000 });
    expect(40_000 * 40_000).toBeGreaterThan(MAX_PIXELS);
    const before = process.memoryUsage.rss();
    expect(await fitImage(bomb, join(folder, 'x'), 100_000)).toBeUndefined();
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 1024 * 1024);
  });
});
