import { describe, expect, it } from 'vitest';
import { shortFilename, withExtension } from './filename.js';

describe(shortFilename.name, () => {
  it.each([
    ['report.pdf', 'application/pdf', 'report.pdf'],
    ['The annual report of 2026.pdf', 'application/pdf', 'The-annual-repor.pdf'],
    ['Überblick (final) v2.PDF', 'application/pdf', 'Uberblick-final.pdf'],
    ['', 'image/jpeg', 'file.jpg'],
    ['写真', 'image/png', 'file.png'],
    ['../../etc/passwd', 'text/plain', 'etcpasswd.txt'],
    ['a"; filename="b.exe', 'image/png', 'a-filenameb.exe'],
    ['x\r\ny', 'application/x-thing', 'x-y'],
  ])('makes of %j (%s) %j', (name, type, short) => {
    expect(shortFilename(name, type)).toBe(short);
    expect(short.length).toBeLessThanOrEqual(20);
  });

  it('is never longer than 20', () => {
    for (const name of ['a'.repeat(300), `${'b'.repeat(30)}.docx`]) {
      expect(shortFilename(name, 'image/jpeg').length).toBeLessThanOrEqual(20);
    }
  });
});

describe(withExtension.name, () => {
  it.each([
    ['photo.heic', 'image/jpeg', 'photo.jpg'],
    ['photo.jpeg', 'image/jpeg', 'photo.jpeg'],
    ['voice.ogg', 'audio/ogg; codecs=opus', 'voice.ogg'],
    ['data.bin', 'application/octet-stream', 'data.bin'],
  ])('%s as %s is %s', (name, type, named) => {
    expect(withExtension(name, type)).toBe(named);
  });
});
