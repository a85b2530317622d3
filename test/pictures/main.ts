import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { makeProject } from '../integration/launcher-project.js';
import { LAPTOP, startChromium } from '../support/chromium.js';

const FOLDER = resolve(import.meta.dirname, '../../docs/pictures');
const PARCEL = resolve(import.meta.dirname, '../../apps/sandbox/web/public/samples/picture.png');
const CHOICES = {
  contentType: 'application/8x8.quick.replies',
  content: {
    options: ['Yes, please', 'No, thank you'].map((title) => ({ title, data: { postback: title } })),
  },
};

/** Draws the README's pictures: what `npm start` opens, in the middle of a small scene. */
async function main(): Promise<void> {
  const project = await makeProject({ standIns: false });
  const browser = await startChromium();
  try {
    await project.start().printed(/^ready in/m);
    const base = `http://localhost:${project.ports.SANDBOX_PORT}`;
    const link = await playScene(base);
    await mkdir(FOLDER, { recursive: true });
    for (const theme of ['light', 'dark'])
      await draw(browser, `${base}${link}`, `sandbox-${theme}`, theme, LAPTOP);
    await call(base, '/providers/twilio', { mode: 'normal' }, 'PUT');
    for (const theme of ['light', 'dark']) {
      await draw(browser, `${base}${link}&panel=storm`, `storm-${theme}`, theme, LAPTOP, () => storm(base));
    }
  } finally {
    await browser.close();
    await project.remove();
  }
}

/** Three customers write, two of them talk to agents about a picture and choices, while Twilio is in trouble; the page's address for it. */
async function playScene(base: string): Promise<string> {
  const kim = 'whatsapp:+15550124';
  const text = async (address: string, body: string, rest: object = {}): Promise<void> => {
    await call(base, `/phones/${encodeURIComponent(address)}/texts`, { body, ...rest });
    await delay(900);
  };
  await call(base, '/phones', { channel: 'sms', name: 'Ines', address: '+15550131' });
  await text('+15550123', 'Do you ship to Zürich? 🇨🇭');
  const base64 = (await readFile(PARCEL)).toString('base64');
  const media = [{ contentType: 'image/png', fileName: 'parcel.png', base64 }];
  await text(kim, 'Hello! My parcel 4711 came like this. 📦', { media });
  await text('+15550131', 'Can I still change my delivery address?');
  const { desk } = (await (await fetch(`${base}/api/state`)).json()) as {
    desk: { conversations: { id: string; customer: { phone: string } }[] };
  };
  const with_ = (phone: string): string =>
    desk.conversations.find(({ customer }) => customer.phone === phone)?.id ?? '';
  const id = with_('+15550124');
  const reply = async (conversation: string, agentId: string, words: string, cards: object[] = []) => {
    await call(base, `/conversations/${conversation}/accept`, { agentId });
    await call(base, `/conversations/${conversation}/messages`, { agentId, text: words, cards });
    await delay(900);
  };
  await reply(with_('+15550123'), 'agent-2', 'We do, in two to three days.');
  await reply(id, 'agent-1', 'Hi Kim, I am sorry! Shall we send you a new one?', [CHOICES]);
  await text(kim, '', { button: { text: 'Yes, please', payload: 'Yes, please' } });
  await call(base, '/providers/twilio', { mode: '429' }, 'PUT');
  await reply(id, 'agent-1', 'It will be with you tomorrow before six.');
  await delay(3000);
  return `/?phone=${encodeURIComponent(kim)}&conversation=${id}`;
}

/** A whole storm. */
async function storm(base: string): Promise<void> {
  await call(base, '/storm', {});
  for (let phase = 'running'; phase !== 'done';) {
    await delay(500);
    const state = (await (await fetch(`${base}/api/state`)).json()) as { storm: { phase: string } };
    phase = state.storm.phase;
  }
}

async function call(
  base: string,
  path: string,
  body: object,
  method: 'POST' | 'PUT' = 'POST',
): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${base}/api${path}`, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  await answer.body?.cancel();
}

async function draw(
  browser: Browser,
  url: string,
  name: string,
  theme: string,
  viewport: { width: number; height: number },
  scene: () => Promise<void> = async () => undefined,
): Promise<void> {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  await page.goto(`${url}&theme=${theme}`);
  await page.getByRole('heading', { name: 'Causeway' }).waitFor();
  await scene();
  await delay(1500);
  await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  await context.close();
}

await main();
