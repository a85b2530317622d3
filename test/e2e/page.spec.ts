import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Browser, Locator, Page } from 'playwright-core';
import type { FileView, SandboxState } from '../../apps/sandbox/src/page/state.js';
import { makeProject, type Project } from '../integration/launcher-project.js';
import {
  axeViolations,
  chromiumMissing,
  complaintsOf,
  LAPTOP,
  PHONE,
  startChromium,
} from '../support/chromium.js';

const PICTURE = join(import.meta.dirname, '../../apps/sandbox/web/public/samples/picture.png');

const HAND_OVER = join(import.meta.dirname, '../fixtures/chat-gateway/guide-create-conversation.json');

const missing = chromiumMissing();
if (missing) console.warn(`The page is not tested: ${missing}.`);

/** The page in a real Chromium, over everything that `npm start` runs. Tests follow each other like a visit does. */
describe.skipIf(missing !== undefined)('the page of npm start', { timeout: 120_000 }, () => {
  let project: Project;
  let browser: Browser;
  let page: Page;
  let base = '';
  const complaints: string[] = [];

  beforeAll(async () => {
    project = await makeProject({ standIns: false });
    await project.start().printed(/^ready in/m);
    base = `http://localhost:${project.ports.SANDBOX_PORT}`;
    browser = await startChromium();
    page = await open('/', LAPTOP);
  });

  afterAll(async () => {
    await browser?.close();
    await project?.remove();
  });

  afterEach(() => {
    expect(complaints.splice(0)).toEqual([]);
  });

  async function open(path: string, viewport: { width: number; height: number }): Promise<Page> {
    // axe wants a context of its own, and colours that are not on their way to others.
    const context = await browser.newContext({ viewport, reducedMotion: 'reduce' });
    const opened = await context.newPage();
    opened.setDefaultTimeout(20_000);
    const own = complaintsOf(opened);
    own.push = (...items) => complaints.push(...items);
    await opened.goto(`${base}${path}`);
    await opened.getByRole('heading', { name: 'Causeway' }).waitFor();
    return opened;
  }

  const state = async (): Promise<SandboxState> =>
    (await (await fetch(`${base}/api/state`)).json()) as SandboxState;
  const phoneLog = (on = page): Locator => on.getByRole('log', { name: /^Texts on the phone/ });
  const deskLog = (on = page): Locator => on.getByRole('log', { name: /^Conversation/ });
  const textsOf = async (log: Locator, pattern: RegExp): Promise<string[]> =>
    (await log.innerText()).match(new RegExp(pattern, 'g')) ?? [];

  it('sends as customer and answers as agent by the keyboard alone', async () => {
    const { keyboard } = page;
    // The skip links stand before the first state has come; what they lead to does not.
    await page.getByRole('textbox', { name: /^Text from/ }).waitFor();
    await keyboard.press('Tab');
    await keyboard.press('Enter');
    await keyboard.type('Hello, is anyone there? 👋');
    await keyboard.press('Enter');
    await page.getByRole('button', { name: 'Accept +15550123' }).waitFor();
    await keyboard.press('Alt+KeyA');
    await page.getByRole('textbox', { name: /^Reply to/ }).waitFor();
    await keyboard.type('Hi, this is Ada.');
    await keyboard.press('Enter');
    await phoneLog().getByText('Hi, this is Ada.').waitFor();
    // Focus stayed where the next words go.
    await keyboard.type('How can I help?');
    await keyboard.press('Enter');
    await phoneLog().getByText('How can I help?').waitFor();
    await phoneLog()
      .getByRole('button', { name: /^At the desk/ })
      .first()
      .waitFor();
    await deskLog()
      .getByRole('button', { name: /^Delivered to the phone/ })
      .first()
      .waitFor();
  });

  it('shows what the bridge did with a message, from its ticks', async () => {
    await phoneLog()
      .getByRole('button', { name: /Show it in the bridge/ })
      .first()
      .click();
    await expect.poll(() => page.url()).toMatch(/[?&]message=/);
    await page.getByRole('table').getByText('202').first().waitFor();
    const deepLink = new URL(page.url());
    const other = await open(deepLink.pathname + deepLink.search, LAPTOP);
    await other.getByRole('table').getByText('202').first().waitFor();
    await deskLog(other).getByText('Hi, this is Ada.').waitFor();
    await other.context().close();
    await page.goBack();
    await expect.poll(() => page.url()).not.toMatch(/[?&]message=/);
  });

  it('loses nothing while a provider vanishes and returns, and says why messages wait', async () => {
    await page.getByRole('combobox', { name: 'How Chat Gateway behaves' }).selectOption('gone');
    await page.getByText('Connections are refused').waitFor();
    const composer = page.getByRole('textbox', { name: /^Text from/ });
    for (const n of [1, 2, 3]) {
      await composer.fill(`while it is gone ${n}`);
      await composer.press('Enter');
      await phoneLog().getByText(`while it is gone ${n}`).waitFor();
    }
    await page
      .getByText(/Waits for message \d+ of its lane/)
      .first()
      .waitFor();
    await page
      .getByText(/Tried .* without success/)
      .first()
      .waitFor();
    expect(await textsOf(deskLog(), /while it is gone \d/)).toEqual([]);
    await page.getByRole('button', { name: 'Chat Gateway back to normal' }).click();
    await expect
      .poll(() => textsOf(deskLog(), /while it is gone \d/), { timeout: 60_000 })
      .toEqual(['while it is gone 1', 'while it is gone 2', 'while it is gone 3']);
  });

  it('adds a phone and an agent, and transfers to them', async () => {
    await page.getByRole('button', { name: 'Add phone' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('Noor');
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: 'Text from Noor' }).waitFor();
    await page.getByRole('button', { name: 'Robin SMS' }).click();
    await page.getByRole('button', { name: 'Add agent' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('Linus');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.getByRole('combobox', { name: 'You are' }).inputValue()).toBe('agent-3');
    await page.getByRole('combobox', { name: 'You are' }).selectOption('You are Ada');
    await page.getByRole('button', { name: 'Transfer', exact: true }).click();
    await page.getByRole('combobox', { name: 'Transfer to' }).selectOption('Linus');
    await page.getByRole('button', { name: 'Transfer now' }).click();
    await page.getByRole('button', { name: 'Continue as Linus' }).click();
    await page.getByRole('textbox', { name: /^Reply to/ }).waitFor();
  });

  it('offers work only to who can take it, and says what the contact centre says', async () => {
    const composer = page.getByRole('textbox', { name: 'Text from Noor' });
    await page.getByRole('button', { name: 'Noor SMS' }).click();
    await composer.fill('Are you open?');
    await composer.press('Enter');
    const speak = async (languages: string): Promise<void> => {
      await page.getByRole('button', { name: /^Change what/ }).click();
      await page.getByRole('textbox', { name: 'Languages' }).fill(languages);
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText(`speaks ${languages}`).waitFor();
    };
    const accept = page.getByRole('button', { name: /^Accept \+/ });
    await accept.waitFor();
    await page.getByRole('checkbox', { name: 'Available' }).click();
    await accept.waitFor({ state: 'detached' });
    await page.getByRole('checkbox', { name: 'Available' }).click();
    await speak('ja');
    await page.getByText(/ does not speak “en”/).waitFor();
    expect(await accept.count()).toBe(0);
    await page.getByRole('combobox', { name: 'You are' }).selectOption('You are Grace');
    await accept.waitFor();

    await page.getByRole('button', { name: /^Hours and queues/ }).click();
    await page.getByRole('combobox', { name: 'Schedule Main' }).selectOption('Closed');
    await page.getByRole('button', { name: 'Set the figures of Sales' }).click();
    await page.getByRole('textbox', { name: 'Waiting' }).fill('12');
    await page.getByRole('button', { name: 'Give these out' }).click();
    await page.getByRole('row', { name: /Sales.* 12 / }).waitFor();
    await expect
      .poll(async () => (await state()).centre)
      .toMatchObject({
        schedules: [{ id: 'Main', status: -1 }],
        queues: [{}, { statistics: { waiting: 12 } }],
      });
    await page.getByRole('button', { name: /^Hours and queues/ }).click();
    await page.getByRole('button', { name: 'Robin SMS' }).click();
    await page.getByRole('combobox', { name: 'You are' }).selectOption('You are Linus');
    await speak('en');
  });

  it('shows what a bot hands over as the desk does', async () => {
    const guide = JSON.parse(await readFile(HAND_OVER, 'utf8')) as object;
    const credentials = JSON.parse(await readFile(join(project.home, 'sandbox.json'), 'utf8')) as {
      chatGatewayApiKey: string;
    };
    const created = await fetch(
      `http://127.0.0.1:${project.ports.CHAT_GATEWAY_SIM_PORT}/chat-gateway/v1/conversations`,
      {
        method: 'POST',
        headers: { 'x-api-key': credentials.chatGatewayApiKey, 'content-type': 'application/json' },
        body: JSON.stringify({ ...guide, channelId: '25', assignment: { type: 'queue', id: '200' } }),
      },
    );
    expect(created.status).toBe(202);
    const other = await open('/?agent=agent-2', LAPTOP);
    await other.getByRole('button', { name: 'Accept James Jones' }).click();
    const card = other.getByRole('region', { name: 'Customer card' });
    await card.getByText('balance', { exact: true }).waitFor();
    const before = deskLog(other).getByRole('region', { name: 'Said before this conversation' });
    expect(await before.getByRole('article').allInnerTexts()).toHaveLength(6);
    expect(await before.getByRole('article').last().innerText()).toMatch(/^Bot\s+Sure, connecting you now/);
    await other.getByRole('combobox', { name: 'You are' }).selectOption('You are Linus');
    await other.getByRole('button', { name: 'Join' }).click();
    await other.getByText('With Grace and Linus').waitFor();
    await other.context().close();
  });

  it('kills the worker by a button, and messages still come', async () => {
    await page.getByRole('button', { name: 'Kill worker' }).click();
    await expect.poll(async () => (await state()).machine.worker.restarts, { timeout: 30_000 }).toBe(1);
    const reply = page.getByRole('textbox', { name: /^Reply to/ });
    await reply.fill('Still here.');
    await reply.press('Enter');
    await phoneLog().getByText('Still here.').waitFor({ timeout: 60_000 });
  });

  it('keeps what was typed when the sandbox refuses it, and says why', async () => {
    const composer = page.getByRole('textbox', { name: /^Text from/ });
    const long = 'too long '.repeat(200);
    await composer.fill(long);
    await composer.press('Enter');
    await page
      .getByRole('alert')
      .getByText(/at most 1600 characters/)
      .waitFor();
    await expect.poll(() => composer.inputValue()).toBe(long.trim());
    await composer.fill('');
    // Chromium writes a line for each answer of 4xx.
    expect(complaints.splice(0).filter((one) => !one.includes('400'))).toEqual([]);
  });

  describe('what is more than text', () => {
    const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    const bytesOf = async (file: FileView | undefined): Promise<string> =>
      sha256(Buffer.from(await (await fetch(`${base}${file?.url}`)).arrayBuffer()));
    const kim = async () => {
      const { phones, desk } = await state();
      const conversation = desk.conversations.find(({ customer }) => customer.phone === '+15550124');
      return { phone: phones.find(({ name }) => name === 'Kim'), conversation };
    };
    const choose = async (menu: string, item: string): Promise<void> => {
      await page.getByRole('button', { name: menu, exact: true }).click();
      await page.getByRole('menuitem', { name: item, exact: true }).click();
    };
    const DESK_MENU = 'Attach files or send a card';

    it('carries a picture from the phone to the desk as it was', async () => {
      await page.getByRole('button', { name: 'Kim WhatsApp' }).click();
      await choose('Attach', 'Sample picture');
      const enclosed = page.getByRole('list', { name: 'Goes with the next message' });
      await enclosed.getByText('parcel.png').waitFor();
      // The composer has the focus.
      await page.keyboard.type('Is this mine?');
      await page.keyboard.press('Enter');
      await phoneLog().getByRole('img', { name: 'parcel.png' }).waitFor();
      await expect.poll(() => enclosed.count()).toBe(0);
      await page.getByRole('button', { name: 'Accept Kim' }).click();
      await deskLog().getByRole('img', { name: 'parcel.png' }).waitFor();
      const { phone, conversation } = await kim();
      const sent = sha256(await readFile(PICTURE));
      expect(await bytesOf(phone?.messages.at(-1)?.files[0])).toBe(sent);
      expect(await bytesOf(conversation?.messages.at(-1)?.files[0])).toBe(sent);
    });

    it('shows a picture large until Escape', async () => {
      await deskLog().getByRole('button', { name: 'parcel.png' }).click();
      const large = page.getByRole('dialog', { name: 'parcel.png' });
      await large.waitFor();
      expect(await axeViolations(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await large.waitFor({ state: 'hidden' });
    });

    it('takes a file of one’s own, and gives it up again', async () => {
      const field = page
        .getByRole('tabpanel')
        .or(page.locator('[data-column="phones"]'))
        .locator('input[type=file]');
      await field.first().setInputFiles(PICTURE);
      await page.getByText('picture.png').waitFor();
      await page.getByRole('button', { name: 'Take picture.png out' }).click();
      await page.getByText('picture.png').waitFor({ state: 'detached' });
    });

    it('sends an agent’s files to the phone as they were', async () => {
      await choose(DESK_MENU, 'Sample picture');
      const enclosed = page.getByRole('list', { name: 'Goes with the next message' });
      await enclosed.getByText('parcel.png').waitFor();
      await page.keyboard.type('Or this one?');
      await page.keyboard.press('Enter');
      const received = await vi.waitUntil(
        async () =>
          (await kim()).phone?.messages.findLast(({ author, files }) => author === 'business' && files[0]),
        { timeout: 30_000, interval: 200 },
      );
      expect(await bytesOf(received.files[0])).toBe(sha256(await readFile(PICTURE)));
      await phoneLog().getByText('Or this one?').waitFor();
    });

    it('asks with buttons, and brings back the one that is pressed', async () => {
      await choose(DESK_MENU, 'Quick replies…');
      await page.getByRole('textbox', { name: 'Question' }).fill('Shall we collect it?');
      await page.keyboard.press('Enter');
      await phoneLog().getByRole('button', { name: 'Not sure' }).click();
      await deskLog()
        .getByText(/^> Shall we collect it\?\sNot sure$/)
        .waitFor();
      const { phone } = await kim();
      const asked = phone?.messages.find(({ text }) => text === 'Shall we collect it?');
      expect(phone?.messages.at(-1)).toMatchObject({ text: 'Not sure', repliedTo: asked?.id });
    });

    it('offers a list, a card and a place', async () => {
      await choose(DESK_MENU, 'List of five times');
      await phoneLog().getByText('When shall we deliver?').waitFor();
      const opener = phoneLog().getByRole('button', { expanded: false }).last();
      await opener.click();
      await phoneLog().getByRole('button', { name: 'Saturday' }).click();
      await deskLog()
        .getByText(/^> When shall we deliver\?\sSaturday$/)
        .waitFor();
      await choose(DESK_MENU, 'Adaptive card with choices');
      await phoneLog().getByRole('button', { name: 'Could be better' }).waitFor();
      await choose(DESK_MENU, 'Location of the shop');
      await phoneLog()
        .getByText(/Our shop/)
        .waitFor();
    });

    it('quotes what a customer answers, unless Escape', async () => {
      const reply = phoneLog()
        .getByRole('article')
        .filter({ hasText: 'Or this one?' })
        .getByRole('button', { name: 'Reply to this message' });
      const quoted = page.getByRole('group', { name: 'Replies to' });
      await reply.click();
      await quoted.getByText('Or this one?').waitFor();
      await page.keyboard.press('Escape');
      await quoted.waitFor({ state: 'detached' });
      await reply.click();
      await page.keyboard.type('Not that one');
      await page.keyboard.press('Enter');
      await deskLog()
        .getByText(/> Or this one\?\s+Not that one/)
        .waitFor();
      await phoneLog().getByRole('blockquote').getByText('Or this one?').waitFor();
    });

    it('sends a voice note, a place and a contact', async () => {
      await choose('Attach', 'Sample voice note');
      await page.getByText('voice-note.ogg').waitFor();
      await page.keyboard.press('Enter');
      await deskLog().getByLabel('voice-note.ogg').waitFor();
      await choose('Attach', 'Location…');
      await page.getByRole('textbox', { name: 'Name' }).fill('The old mill');
      await page.keyboard.press('Enter');
      await deskLog()
        .getByText(/The old mill/)
        .waitFor();
      await choose('Attach', 'Contact…');
      await page.keyboard.press('Enter');
      await deskLog()
        .getByText(/contact: Zoë Keller/)
        .waitFor();
    });

    it('closes WhatsApp’s window and opens it again', async () => {
      const more = 'More for the phone of Kim';
      const closed = page.getByText(/^The 24-hour window is closed/);
      await choose(more, 'Close the 24-hour window');
      await closed.waitFor();
      await page.getByRole('button', { name: more }).click();
      expect(await axeViolations(page)).toEqual([]);
      await page.getByRole('menuitem', { name: 'Open the 24-hour window' }).click();
      await closed.waitFor({ state: 'detached' });
    });

    it('says what a message is made of', async () => {
      const row = page.getByRole('listitem').filter({ hasText: 'Is this mine?' }).first();
      await row.getByRole('button', { name: /Is this mine\?/ }).click();
      await page.getByText('Text, Picture', { exact: true }).waitFor();
    });

    it('shows an agent typing, what was seen, and what was read', async () => {
      // Nobody has typed to this phone yet: the bridge shows typing once in a while only.
      await page.getByRole('button', { name: 'Add phone' }).click();
      await page.getByRole('radiogroup', { name: 'Channel' }).getByText('WhatsApp').click();
      await page.getByRole('textbox', { name: 'Name' }).fill('Lee');
      await page.keyboard.press('Enter');
      await page.getByRole('textbox', { name: 'Text from Lee' }).fill('Do you have a minute?');
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Accept Lee' }).click();
      await page.getByRole('textbox', { name: 'Reply to Lee' }).focus();
      await page.keyboard.type('Of course');
      await page.getByText('Agent is typing…').waitFor();
      await phoneLog()
        .getByRole('button', { name: /^Seen by the business/ })
        .waitFor();
      await page.keyboard.press('Enter');
      await phoneLog().getByText('Of course').waitFor();
      await page.getByText('Agent is typing…').waitFor({ state: 'detached' });
      await deskLog()
        .getByText(/^Read \d\d:\d\d/)
        .waitFor();
    });
  });

  it('says what a bot has, what it hands over, and what it has back', async () => {
    const { ports, home } = project;
    const key = (await readFile(join(home, 'admin-api-key'), 'utf8')).trim();
    const numbers = `http://localhost:${ports.PORT}/api/v1/numbers`;
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const { items } = (await (await fetch(numbers, { headers })).json()) as {
      items: { id: string; address: string }[];
    };
    const id = items.find(({ address }) => address === '+15550200')?.id;
    const settings = { mode: 'bot', bot: { url: `${base}/bot`, survey: { maxTotalMinutes: 20 } } };
    const body = JSON.stringify({ settings });
    expect((await fetch(`${numbers}/${id}`, { method: 'PATCH', headers, body })).status).toBe(200);

    await page.getByRole('button', { name: 'Add phone' }).click();
    await page.getByRole('radiogroup', { name: 'Channel' }).getByText('SMS').click();
    await page.getByRole('textbox', { name: 'Name' }).fill('Sam');
    await page.keyboard.press('Enter');
    const composer = page.getByRole('textbox', { name: 'Text from Sam' });
    await composer.waitFor();
    const address = (await state()).phones.find(({ name }) => name === 'Sam')?.address ?? '';
    await page.getByRole('combobox', { name: 'Business number' }).selectOption('To +15550200');
    await composer.fill('An agent, please');
    await composer.press('Enter');
    await phoneLog()
      .getByRole('button', { name: /^At the bot/ })
      .waitFor();
    await page.getByRole('button', { name: /^To the bot: Sam An agent, please/ }).waitFor();
    await page
      .getByRole('button', { name: /Bot · Sam Hand-off to the agents: .*2 earlier messages/ })
      .waitFor();
    await page.getByRole('button', { name: new RegExp(`^\\${address} .*An agent, please$`) }).waitFor();
    await page.getByRole('button', { name: `Accept ${address}` }).click();
    const log = `http://127.0.0.1:${ports.CHAT_GATEWAY_SIM_PORT}/__sandbox/log`;
    await expect
      .poll(async () => (await fetch(log)).text(), { timeout: 20_000 })
      .toContain('post-agent-assignment');
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.getByRole('button', { name: 'With the bot 1' }).waitFor();

    await page.getByRole('combobox', { name: 'Business number' }).selectOption('To +15550100');
    await composer.fill('And you?');
    await composer.press('Enter');
    await phoneLog().getByText('From +15550200').first().waitFor();
    await page.getByRole('combobox', { name: 'Business number' }).selectOption('To +15550200');
    await composer.fill('Thanks');
    await composer.press('Enter');
    await page.getByRole('button', { name: /^To the bot and the desk: Sam Thanks/ }).waitFor();
    await page.getByRole('button', { name: /Bot · Sam Copy for the desk: Before you go/ }).waitFor();
  });

  it('keeps panels whole in a low window', async () => {
    const { desk } = await state();
    const conversation = desk.conversations.find(({ agentIds }) => agentIds.includes('agent-2'));
    const opened = await open('/?agent=agent-2&panel=centre', { width: 1280, height: 720 });
    const heading = opened.getByRole('columnheader', { name: 'Waiting' });
    expect((await heading.boundingBox())?.height).toBeLessThan(30);
    await opened.goto(`${base}/?agent=agent-2&conversation=${conversation?.id}`);
    await opened.getByRole('button', { name: 'Attach files or send a card' }).click();
    await opened.getByRole('menuitem', { name: 'Quick replies…' }).click();
    await opened.getByRole('form', { name: 'Send quick replies' }).waitFor();
    const bottom = async (locator: Locator): Promise<number> => {
      const { y = 0, height = 0 } = (await locator.boundingBox()) ?? {};
      return y + height;
    };
    const panel = await bottom(opened.getByRole('region', { name: 'Open conversation' }));
    expect(await bottom(opened.getByRole('textbox', { name: /^Reply to/ }))).toBeLessThan(panel);
    expect((await deskLog(opened).boundingBox())?.height).toBeGreaterThan(80);
    await opened.context().close();
  });

  it('says so when a link names what is not there', async () => {
    const other = await open('/?phone=%2B19995550000&conversation=none&message=none&agent=nobody', LAPTOP);
    for (const what of ['a phone', 'a conversation', 'an agent', 'a message']) {
      await other.getByText(new RegExp(`The link names ${what} `)).waitFor();
    }
    await other.context().close();
  });

  it('fits the screen of a phone, and works there', async () => {
    const small = await open('/?view=phones', PHONE);
    const composer = small.getByRole('textbox', { name: /^Text from/ });
    await composer.fill('from a small screen');
    await composer.press('Enter');
    await phoneLog(small).getByText('from a small screen').waitFor();
    for (const tab of ['Phones', 'Bridge', 'Agent desk']) {
      await small.getByRole('tab', { name: new RegExp(tab) }).click();
      const overflow = await small.evaluate<number>(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect(overflow, tab).toBe(0);
    }
    await small.context().close();
  });

  it.each([
    { theme: 'light', viewport: LAPTOP },
    { theme: 'dark', viewport: LAPTOP },
    { theme: 'light', viewport: PHONE },
    { theme: 'dark', viewport: PHONE },
  ])('breaks no accessibility rule in $theme, $viewport.width wide', async ({ theme, viewport }) => {
    const { desk, bridge } = await state();
    const handedOver = desk.conversations.find(({ customer }) => customer.name === 'James Jones');
    const conversation = handedOver?.id ?? '';
    const message = bridge.messages[0]?.id ?? '';
    const views = viewport === PHONE ? ['phones', 'bridge', 'desk'] : ['phones'];
    const opened = await open('/', viewport);
    for (const view of views) {
      for (const rest of ['&panel=centre', `&conversation=${conversation}&message=${message}&panel=storm`]) {
        await opened.goto(`${base}/?theme=${theme}&view=${view}${rest}`);
        await opened.getByRole('main').waitFor();
        expect(await axeViolations(opened), `${view}${rest}`).toEqual([]);
      }
    }
    await opened.context().close();
  });

  it('runs a storm and counts it while one watches', async () => {
    await page.getByRole('button', { name: 'Storm', exact: true }).click();
    await page.getByRole('textbox', { name: 'Customers' }).fill('4');
    await page.getByRole('textbox', { name: 'Texts each way' }).fill('4');
    await page.getByRole('button', { name: 'Start storm' }).click();
    await expect.poll(async () => (await state()).storm?.phase, { timeout: 100_000 }).toBe('done');
    await page.getByText(/accepted messages arrived, each in its order/).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    const { storm } = await state();
    expect(storm?.inbound).toMatchObject({ lost: 0, outOfOrder: 0 });
    expect(storm?.outbound).toMatchObject({ lost: 0, outOfOrder: 0 });
  });
});
