import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MediaStore, StreamTooLargeError } from '#platform';
import { startTestS3, type TestS3 } from '../support/s3.js';

let root: string;
let s3: TestS3;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'causeway-media-'));
  s3 = await startTestS3();
});
afterAll(async () => {
  await s3.stop();
  await rm(root, { recursive: true, force: true });
});

let stores = 0;
function newDirectory(): string {
  return join(root, `store-${(stores += 1)}`, 'media');
}
const inBucket = () => ({
  bucket: s3.bucket,
  region: 'eu-central-1',
  endpoint: s3.endpoint,
  credentials: { accessKeyId: 'test-key', secretAccessKey: 'test-secret' },
});

const DAY_MS = 86_400_000;
const bytes = randomBytes(300_000);

describe.each([
  ['a directory', false],
  ['a bucket', true],
])('a media store in %s', (_where, bucket) => {
  const open = (directory = newDirectory()) =>
    new MediaStore({ directory, keepDays: 7, s3: bucket ? inBucket() : undefined });
  const keep = async (store: MediaStore, content: Buffer) => {
    const file = await store.spool(Readable.from([content]), 10_000_000);
    return store.put(file, 'image/png');
  };

  it('gives back what it was given, whole and in part', async () => {
    const store = open();
    const key = await keep(store, bytes);
    expect(key).toMatch(/^\d{4}-\d\d-\d\d\/[0-9a-f]{32}$/);
    expect(await store.size(key)).toBe(bytes.length);
    expect((await buffer(await store.read(key))).equals(bytes)).toBe(true);
    const part = await buffer(await store.read(key, { start: 10, end: 99_999 }));
    expect(part.equals(bytes.subarray(10, 100_000))).toBe(true);
  });

  it('serves several processes', async () => {
    const directory = newDirectory();
    const key = await keep(open(directory), bytes);
    const other = open(bucket ? newDirectory() : directory);
    expect((await buffer(await other.read(key))).equals(bytes)).toBe(true);
  });

  it('never gives two files one key', async () => {
    const store = open();
    const keys = await Promise.all(Array.from({ length: 20 }, () => keep(store, Buffer.from('x'))));
    expect(new Set(keys).size).toBe(20);
  });

  it('knows what is not there', async () => {
    const store = open();
    const key = await keep(store, bytes);
    await store.delete(key);
    await store.delete(key);
    expect(await store.size(key)).toBeUndefined();
    for (const other of ['', '../../etc/passwd', '/etc/passwd', `${key}/../x`, 'incoming/x']) {
      expect(await store.size(other)).toBeUndefined();
      await expect(store.read(other)).rejects.toThrow(TypeError);
    }
  });

  it('deletes what is old and nothing else', async () => {
    const directory = newDirectory();
    const store = open(directory);
    const young = await keep(store, bytes);
    const now = Date.now();
    const day = (ago: number) => new Date(now - ago * DAY_MS).toISOString().slice(0, 10);
    const name = 'a'.repeat(32);
    const others = [day(30), day(20), day(9), day(8), day(7), 'incoming', 'not-ours', '1999-99-99'];
    for (const folder of others) {
      if (bucket) s3.objects.set(`${folder}/${name}`, { body: bytes, contentType: '' });
      else {
        await mkdir(join(directory, folder), { recursive: true });
        await writeFile(join(directory, folder, name), bytes);
      }
    }
    const there = (folder: string) =>
      bucket ? s3.objects.has(`${folder}/${name}`) : existsSync(join(directory, folder, name));
    expect((await store.sweep(now)).sort()).toEqual([day(30), day(20), day(9)].sort());
    expect(others.filter(there)).toEqual([day(8), day(7), 'incoming', 'not-ours', '1999-99-99']);
    expect(await store.size(young)).toBe(bytes.length);
    // New links end a day before the file does.
    expect(store.keptUntil(young)).toBeGreaterThan(now + 7 * DAY_MS);
  });

  it('stops a stream that grows too large, and leaves nothing of it', async () => {
    const directory = newDirectory();
    let made = 0;
    const endless = Readable.from(
      (function* () {
        for (;;) {
          made += 1;
          yield Buffer.alloc(64 * 1024);
        }
      })(),
    );
    await expect(open(directory).spool(endless, 1_000_000)).rejects.toThrow(StreamTooLargeError);
    expect(made).toBeLessThan(40);
    expect(endless.destroyed).toBe(true);
    expect(await readdir(join(directory, 'incoming'))).toEqual([]);
  });
});

describe('a media store in a directory', () => {
  it('is closed to others', async () => {
    const directory = newDirectory();
    await new MediaStore({ directory, keepDays: 7 }).spoolPath();
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  it('removes what a process that died has left half-way, a day later', async () => {
    const directory = newDirectory();
    const store = new MediaStore({ directory, keepDays: 7 });
    const { path } = await store.spool(Readable.from([bytes]), 10_000_000);
    await rename(path, `${path}x`);
    await store.sweep();
    expect(await readdir(join(directory, 'incoming'))).toHaveLength(1);
    await store.sweep(Date.now() + 2 * DAY_MS);
    expect(await readdir(join(directory, 'incoming'))).toEqual([]);
  });
});

describe('a media store in a bucket', () => {
  it('reads ranges as ranges', async () => {
    const store = new MediaStore({ directory: newDirectory(), keepDays: 7, s3: inBucket() });
    const key = await store.put(await store.spool(Readable.from([bytes]), 10_000_000), 'audio/mpeg');
    expect(s3.objects.get(key)?.contentType).toBe('audio/mpeg');
    await buffer(await store.read(key, { start: 1, end: 2 }));
    expect(s3.calls.at(-1)).toBe('GET bytes=1-2');
  });

  it('fails where the bucket does, and works again afterwards', async () => {
    const store = new MediaStore({ directory: newDirectory(), keepDays: 7, s3: inBucket() });
    const file = await store.spool(Readable.from([bytes]), 10_000_000);
    s3.unavailable = 100;
    await expect(store.put(file, 'image/png')).rejects.toThrow();
    s3.unavailable = 0;
    const key = await store.put(file, 'image/png');
    expect(await store.size(key)).toBe(bytes.length);
  });
});
