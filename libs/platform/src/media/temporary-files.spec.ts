import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TemporaryFiles } from './temporary-files.js';

let root: string;
let sut: TemporaryFiles;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'causeway-spec-'));
  sut = new TemporaryFiles(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const bytes = (text: string) => Buffer.from(text, 'latin1');
const of = (...chunks: Buffer[]) => Readable.from(chunks, { objectMode: false });
/** A ZIP archive of compressed entries, as far as it takes to tell its kind. */
function zipped(...entries: [name: string, content: Buffer][]): Buffer {
  return Buffer.concat(
    entries.flatMap(([name, content]) => {
      const packed = deflateRawSync(content);
      const header = Buffer.alloc(30);
      header.writeUInt32LE(0x04034b50, 0);
      header.writeUInt16LE(20, 4);
      header.writeUInt16LE(8, 8);
      header.writeUInt32LE(packed.length, 18);
      header.writeUInt32LE(content.length, 22);
      header.writeUInt16LE(name.length, 26);
      return [header, Buffer.from(name), packed];
    }),
  );
}

const OFFICE = 'application/vnd.openxmlformats-officedocument';
const DOCX = zipped([
  '[Content_Types].xml',
  Buffer.from(`<Override ContentType="${OFFICE}.wordprocessingml.document.main+xml"/>`),
]);

const filesLeft = async () => (await readdir(root, { recursive: true })).filter((name) => name.includes('/'));

describe(TemporaryFiles.name, () => {
  it('gives back what it took, as often as wanted, and removes it', async () => {
    const file = await sut.take(of(PNG.subarray(0, 10), PNG.subarray(10)), { maxBytes: 1_000 });
    if ('refused' in file) throw new Error(file.refused);
    expect(file).toMatchObject({ contentType: 'image/png', extension: 'png', bytes: PNG.length, head: PNG });
    expect(await buffer(file.open())).toEqual(PNG);
    expect(await buffer(file.open())).toEqual(PNG);
    const [name = ''] = await filesLeft();
    expect((await stat(join(root, name))).mode & 0o777).toBe(0o600);
    expect((await stat(join(root, name, '..'))).mode & 0o777).toBe(0o700);
    await file.remove();
    expect(await filesLeft()).toEqual([]);
  });

  it.each([
    ['a picture that is called a film', PNG, 'video/mp4', 'image/png', 'png'],
    ['a contact', bytes('BEGIN:VCARD\r\nFN:A\r\nEND:VCARD'), 'text/x-vcard', 'text/vcard', 'vcf'],
    ['a date', bytes('BEGIN:VCALENDAR\r\n'), 'text/calendar', 'text/calendar', 'ics'],
    ['plain text', Buffer.from('Grüße 🙂'), 'text/plain; charset=utf-8', 'text/plain', 'txt'],
    ['a table', bytes('a,b\n1,2'), 'text/csv', 'text/csv', 'csv'],
    [
      'a voice message',
      bytes(`OggS${'\0'.repeat(24)}OpusHead${'\0'.repeat(40)}`),
      undefined,
      'audio/ogg',
      'ogg',
    ],
    [
      'an old document',
      bytes(`\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1${'\0'.repeat(600)}`),
      'application/msword',
      'application/msword',
      'doc',
    ],
    ['a document', DOCX, undefined, `${OFFICE}.wordprocessingml.document`, 'docx'],
    ['a PDF', bytes('%PDF-1.7\n'), 'application/octet-stream', 'application/pdf', 'pdf'],
  ])('knows %s by its bytes', async (_name, content, announced, contentType, extension) => {
    const file = await sut.take(of(content), { maxBytes: 10_000, announced });
    expect(file).toMatchObject({ contentType, extension });
  });

  it.each([
    ['a program of Windows', bytes(`MZ${'\0'.repeat(200)}`), 'image/png'],
    ['a program of Linux', bytes(`\x7fELF${'\0'.repeat(100)}`), 'application/pdf'],
    ['a page', bytes('<!DOCTYPE html><script>1</script>'), 'text/html'],
    ['a page that is called text', bytes('\n <html><script>1</script>'), 'text/plain'],
    ['a vector picture', bytes('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'image/svg+xml'],
    ['a vector picture that is called text', bytes('<?xml version="1.0"?><svg/>'), 'text/plain'],
    ['a script', bytes('#!/bin/sh\nrm -rf /'), 'text/plain'],
    ['an archive', bytes(`PK\x03\x04${'\0'.repeat(60)}`), 'application/zip'],
    ['noise', bytes('\x00\x01\x02\xff\xfe'), 'image/jpeg'],
    ['text in another encoding', bytes('Gr\xfc\xdfe'), 'text/plain'],
    ['text of no kind', bytes('hello'), 'image/jpeg'],
    ['an old document of no kind', bytes(`\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1${'\0'.repeat(600)}`), 'image/png'],
    ['a contact in another encoding', bytes('BEGIN:VCARD\r\nFN:M\xfcller\r\n'), 'text/vcard'],
  ])('does not take %s', async (_name, content, announced) => {
    expect(await sut.take(of(content), { maxBytes: 10_000, announced })).toEqual({ refused: 'wrong-type' });
    expect(await filesLeft()).toEqual([]);
  });

  it('unpacks no archive to see what it is', async () => {
    const bomb = zipped(['[Content_Types].xml', Buffer.alloc(300_000_000)]);
    const before = process.memoryUsage().rss;
    expect(await sut.take(of(bomb), { maxBytes: 10_000_000 })).toEqual({ refused: 'wrong-type' });
    expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000);
  });

  it('takes nothing that is empty or too large', async () => {
    expect(await sut.take(of(), { maxBytes: 10 })).toEqual({ refused: 'empty' });
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(1_000);
      })(),
    );
    expect(await sut.take(endless, { maxBytes: 10_000 })).toEqual({ refused: 'too-large', size: 11_000 });
    expect(endless.destroyed).toBe(true);
    expect(await filesLeft()).toEqual([]);
  });

  it('leaves nothing of a body that breaks off', async () => {
    const broken = Readable.from(
      (function* () {
        yield PNG;
        throw new Error('gone');
      })(),
    );
    await expect(sut.take(broken, { maxBytes: 1_000 })).rejects.toThrow('gone');
    expect(await filesLeft()).toEqual([]);
  });

  it('removes what processes left that are no more, and only that', async () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const names = [
      `causeway-media-${dead}-a`,
      `causeway-media-${process.ppid}-b`,
      'causeway-media-x',
      'other',
    ];
    for (const name of names) {
      await mkdir(join(root, name));
      await writeFile(join(root, name, 'f'), 'x');
    }
    await sut.take(of(PNG), { maxBytes: 1_000 });
    await sut.sweep();
    const left = await readdir(root);
    expect(left).not.toContain(names[0]);
    expect(left).toEqual(expect.arrayContaining(names.slice(1)));
    expect(left).toHaveLength(4);
    await sut.close();
    expect(await readdir(root)).toHaveLength(3);
  });
});
