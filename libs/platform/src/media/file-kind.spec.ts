import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayGoToCustomer } from './carried-kinds.js';
import { fileKind } from './file-kind.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'causeway-kind-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function sniffed(bytes: Buffer | string, name: string) {
  const path = join(folder, 'file');
  await writeFile(path, bytes);
  const { contentType } = await fileKind(path, { filename: name });
  return { contentType, dangerous: !mayGoToCustomer(contentType, name) };
}

describe(fileKind.name, () => {
  it.each<[string, string | Buffer, string]>([
    ['a.pdf', '%PDF-1.7\n%âãÏÓ\n1 0 obj', 'application/pdf'],
    ['a.txt', 'Hello, Grüße', 'text/plain'],
    ['a.csv', 'a,b\n1,2\n', 'text/csv'],
    ['ada.vcf', 'BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\nEND:VCARD\r\n', 'text/vcard'],
    ['a.ics', 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n', 'text/calendar'],
    ['meeting.ics', 'BEGIN:VCALENDAR\r\nX-ALT-DESC;FMTTYPE=text/html:<html><body>', 'text/calendar'],
    ['a.rtf', '{\\rtf1\\ansi hello}', 'application/rtf'],
    ['a.png', Buffer.from([1, 2, 3, 0, 255, 254]), 'application/octet-stream'],
  ])('takes %s for what it is', async (name, bytes, contentType) => {
    expect(await sniffed(bytes, name)).toEqual({ contentType, dangerous: false });
  });

  it('believes bytes, not names', async () => {
    const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    expect(await sniffed(png, 'a.jpg')).toEqual({ contentType: 'image/png', dangerous: false });
  });

  it.each<[string, string | Buffer]>([
    ['page.html', '<!DOCTYPE html><p>hi'],
    ['notes.txt', '\n\n <HTML><script>alert(1)</script>'],
    ['logo.svg', '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'],
    ['logo.png', '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['wide.txt', Buffer.from('\ufeff<html><script>', 'utf16le')],
    ['setup.exe', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(200)])],
    ['photo.jpg', Buffer.concat([Buffer.from([0x7f]), Buffer.from('ELF'), Buffer.alloc(60)])],
    ['run', '#!/bin/sh\nrm -rf /'],
    ['invoice.pdf.js', 'alert(1)'],
    ['macro.bat', 'echo hi'],
  ])('calls %s dangerous', async (name, bytes) => {
    expect((await sniffed(bytes, name)).dangerous).toBe(true);
  });
});
