import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url);

/**
 * Holds a page of docs to what it speaks of: its excerpts stand in one of `sources` (files and folders, from the root), and
 * the files that it names are there, but those whose path contains `invented`.
 */
export function describePage(
  path: string,
  { sources, invented }: { sources: string[]; invented: string },
): void {
  const page = read(path);
  const texts = sources.flatMap(filesOf).map((file) => withoutSpaces(read(file)));

  describe(path, () => {
    it('quotes what stands in the sources, word for word', () => {
      const excerpts = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
      expect(excerpts.length).toBeGreaterThan(5);
      for (const excerpt of excerpts) {
        expect(
          texts.some((text) => text.includes(withoutSpaces(excerpt))),
          excerpt,
        ).toBe(true);
      }
    });

    it('names files that exist', () => {
      const paths = [...page.matchAll(/`((?:apps|libs|test)\/[\w/.-]+)`/g)].map(([, named = '']) => named);
      expect(paths.length).toBeGreaterThan(10);
      for (const named of paths) if (!named.includes(invented)) filesOf(named);
    });
  });
}

function filesOf(path: string): string[] {
  if (/\.\w+$/.test(path)) {
    read(path);
    return [path];
  }
  return readdirSync(new URL(path, ROOT), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => `${path.replace(/\/$/, '')}/${name}`);
}

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

function withoutSpaces(text: string): string {
  return text.replaceAll(/\s/g, '');
}
