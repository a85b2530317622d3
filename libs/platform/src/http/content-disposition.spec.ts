import { expect, it } from 'vitest';
import { filenameIn } from './content-disposition.js';

it.each([
  ['attachment; filename="Rechnung \\"1\\".pdf"', 'Rechnung "1".pdf'],
  ['inline; filename=a.png', 'a.png'],
  ['attachment; filename=my file.pdf; size=3', 'my file.pdf'],
  [`attachment; filename="x"; filename*=UTF-8''M%C3%A4rz.pdf`, 'März.pdf'],
  [`attachment; filename="x"; filename*=UTF-8''%`, 'x'],
  ['attachment', undefined],
  ['attachment; filename=""', undefined],
  [undefined, undefined],
])('reads the name in %j', (header, expected) => {
  expect(filenameIn(header)).toBe(expected);
});
