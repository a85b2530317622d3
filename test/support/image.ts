import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PROJECT } from './project.js';

interface Instruction {
  name: string;
  rest: string;
}

/** What the Dockerfile says of the image's last stage. */
export interface Image {
  /** The base image of every stage. */
  bases: string[];
  /** What stages before the last one run, by stage. */
  runs: Record<string, string[]>;
  environment: Record<string, string>;
  user: string | undefined;
  command: string[];
  healthcheck: { command: string[]; timeoutMs: number };
  /** Paths below the working directory, and the stage that they come from. */
  copies: { path: string; from: string | undefined }[];
}

export function readImage(): Image {
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructions(readFileSync(join(PROJECT, 'Dockerfile'), 'utf8'))) {
    const [, base = '', name = ''] = /^(\S+)(?: AS (\S+))?$/.exec(instruction.rest) ?? [];
    if (instruction.name === 'FROM') stages.push({ name, base, instructions: [] });
    else stages.at(-1)?.instructions.push(instruction);
  }
  const last = stages.at(-1)?.instructions ?? [];
  const all = (name: string) => last.flatMap((one) => (one.name === name ? [one.rest] : []));
  const [check = ''] = all('HEALTHCHECK');
  return {
    bases: stages.map(({ base }) => base),
    runs: Object.fromEntries(
      stages.map((stage) => [
        stage.name,
        stage.instructions.flatMap(({ name, rest }) => (name === 'RUN' ? [rest] : [])),
      ]),
    ),
    environment: Object.fromEntries(
      all('ENV').flatMap((text) => text.split(/\s+/).map((pair) => pair.split('=', 2))),
    ) as Record<string, string>,
    user: all('USER').at(-1),
    command: list(all('CMD').at(-1)),
    healthcheck: {
      command: list(/\bCMD (\[.*\])$/.exec(check)?.[1]),
      timeoutMs: Number(/--timeout=(\d+)s/.exec(check)?.[1]) * 1_000,
    },
    copies: all('COPY').map((text) => {
      const [, from, path = ''] = /^(?:--from=(\S+) )?(\S+) \S+$/.exec(text) ?? [];
      return { from, path: path.replace(/^\/app\//, '') };
    }),
  };
}

/** Puts into `folder` what the image's working directory would hold, from what is built and installed here. */
export function layOutImage(image: Image, folder: string): void {
  const paths = image.copies.flatMap(({ path }) => (path === 'node_modules' ? productionPackages() : [path]));
  for (const path of paths) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    // A package's own packages are listed by themselves, where they are wanted.
    const filter = (from: string) => !from.slice(join(PROJECT, path).length).includes('node_modules');
    cpSync(join(PROJECT, path), target, { recursive: true, verbatimSymlinks: true, filter });
  }
}

/** What `npm ci --omit=dev --omit=optional` installs: `node_modules/…`, nested ones after what they are nested in. */
export function productionPackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  return Object.entries(packages)
    .filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)
    .map(([path]) => path);
}

/** Comments gone, continued lines joined. */
function instructions(text: string): Instruction[] {
  const lines = text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [, name = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    return { name, rest };
  });
}

/** The exec form of a command; the shell form would stand between a signal and the program. */
function list(text: string | undefined): string[] {
  const parsed: unknown = text?.startsWith('[') ? JSON.parse(text) : undefined;
  return Array.isArray(parsed) ? parsed.map(String) : [];
}
