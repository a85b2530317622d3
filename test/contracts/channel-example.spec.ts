import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeChannel } from './describe-channel.js';
import { startPigeonWorld } from './example-channel/world.js';

const EXAMPLE = new URL('example-channel/', import.meta.url);

describeChannel('the channel of docs/adding-a-channel.md', { start: startPigeonWorld });

describe('docs/adding-a-channel.md', () => {
  const page = read(new URL('../../docs/adding-a-channel.md', import.meta.url));
  const sources = [
    ...readdirSync(EXAMPLE).map((name) => new URL(name, EXAMPLE)),
    new URL(import.meta.url),
  ].map((file) => withoutSpaces(read(file)));

  it('quotes what stands in the example, word for word', () => {
    const excerpts = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
    expect(excerpts.length).toBeGreaterThan(5);
    for (const excerpt of excerpts) {
      expect(
        sources.some((source) => source.includes(withoutSpaces(excerpt))),
        excerpt,
      ).toBe(true);
    }
  });

  it('names files that exist', () => {
    const paths = [...page.matchAll(/`((?:apps|libs|test)\/[\w/.-]+)`/g)].map(([, path = '']) => path);
    expect(paths.length).toBeGreaterThan(10);
    for (const path of paths) {
      if (!path.includes('pigeon')) read(new URL(`../../${path}`, import.meta.url));
    }
  });
});

function read(file: URL): string {
  // A folder is there when it can be listed.
  return /\.\w+$/.test(file.pathname) ? readFileSync(file, 'utf8') : readdirSync(file).join('\n');
}

function withoutSpaces(text: string): string {
  return text.replaceAll(/\s/g, '');
}
