import { expect, it } from 'vitest';
import { deskFilename } from './desk-filename.js';

it.each([
  [undefined, 'photo-1.jpg'],
  ['', 'photo-1.jpg'],
  ['Rechnung März.PDF', 'Rechnung März.jpg'],
  ['../../etc/passwd', 'etc passwd.jpg'],
  ['a\r\nb"c.png', 'a b c.jpg'],
  ['gpj.\u202eexe.scr', 'gpj. exe.jpg'],
  ['...', 'photo-1.jpg'],
  ['invoice.exe.jpg', 'invoice.exe.jpg'],
  ['🙂'.repeat(100), `${'🙂'.repeat(80)}.jpg`],
])('makes of %j the name %s', (wished, expected) => {
  expect(deskFilename(wished, 'photo-1', 'jpg')).toBe(expected);
});
