import { existsSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium, type Browser, type Page } from 'playwright-core';

const PROGRAMS = [
  process.env['CHROMIUM_PATH'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const PROGRAM = PROGRAMS.find((path) => path !== '' && existsSync(path));

/**
 * Why tests that want Chromium cannot run here, or undefined when they can. With `REQUIRE_ALL=1` it throws instead:
 * nothing may be skipped where everything is expected to be there.
 */
export function chromiumMissing(): string | undefined {
  if (PROGRAM !== undefined) return undefined;
  if (process.env['REQUIRE_ALL'] === '1') throw new Error('Chromium is missing and REQUIRE_ALL=1.');
  return 'Chromium is not installed (CHROMIUM_PATH names one elsewhere)';
}

export const LAPTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** Chromium without a window; `--no-sandbox` because tests may run as root. */
export async function startChromium(): Promise<Browser> {
  if (PROGRAM === undefined) throw new Error('Chromium is not installed.');
  return chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox', '--disable-gpu'] });
}

/** What a page complained of: console errors and warnings, exceptions, and requests that left this machine. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== 'localhost') complaints.push(`asked ${hostname}`);
  });
  return complaints;
}

/** The accessibility rules (WCAG 2 A and AA, best practices) that the page breaks as it is now. */
export async function axeViolations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
  );
}
