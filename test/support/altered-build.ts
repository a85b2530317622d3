import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from './project.js';
import type { Program } from './service.js';

/** A text of a compiled file, and what is to stand in its place, wherever it stands. */
export interface Alteration {
  /** Below dist. */
  file: string;
  text: string;
  by: string;
}

/** The build with some of its text altered, in a folder of its own. */
export interface AlteredBuild {
  program(name: 'gateway' | 'worker'): Program;
  remove(): void;
}

export function alteredBuild(alterations: readonly Alteration[]): AlteredBuild {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-build-'));
  for (const part of ['apps', 'libs'])
    cpSync(join(PROJECT, 'dist', part), join(folder, 'dist', part), { recursive: true });
  cpSync(join(PROJECT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  for (const { file, text, by } of alterations) {
    const path = join(folder, 'dist', file);
    writeFileSync(path, altered(readFileSync(path, 'utf8'), text, by));
  }
  return {
    program: (name) => ({ args: [join(folder, 'dist', 'apps', name, 'src', 'main.js')], cwd: folder }),
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** Fails where the text is gone: what was to be broken would be whole. */
export function altered(whole: string, text: string, by: string): string {
  if (!whole.includes(text)) throw new Error(`The build does not say any more: ${text}`);
  return whole.replaceAll(text, by);
}
