import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAULTS } from './catalogue.js';

describe('the catalogue of faults', () => {
  const here = new URL('.', import.meta.url);
  const specs = readdirSync(here)
    .filter((file) => file.endsWith('.spec.ts') && !import.meta.url.endsWith(`/${file}`))
    .map((file) => readFileSync(new URL(file, here), 'utf8'))
    .join('\n');

  it.each(Object.entries(FAULTS))('has a scenario for %s, or says why not', (id, entry) => {
    const hasScenario = specs.includes(`'${id}'`);
    expect(hasScenario).toBe(!('later' in entry));
  });
});
