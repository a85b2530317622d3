import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Interactive, PartContent } from '#core';
import { ProviderHttp } from '#platform';
import { contentDigest, contentRequest } from './content-api.js';
import { candidates } from './look-up.js';
import { TwilioChannel } from './sender.js';

const ACCOUNT = `AC${'a'.repeat(32)}`;
const SID = `HX${'b'.repeat(32)}`;
const BUTTONS: Interactive = {
  kind: 'quick-reply',
  language: 'de',
  body: 'Which?',
  choices: [
    { id: 'r', title: 'Red' },
    { id: 'b', title: 'Blue' },
  ],
};
const LIST: Interactive = { ...BUTTONS, kind: 'list', button: 'Choose' };

const http = new ProviderHttp();
let server: Server;
let channel: TwilioChannel;
let answer: { status: number; body: string };
let seen: { path: string; body: string }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.push({ path: request.url ?? '', body: Buffer.concat(chunks).toString() });
      if (answer.status === 0) request.socket.destroy();
      else response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  channel = new TwilioChannel(http, {
    accountSid: ACCOUNT,
    username: ACCOUNT,
    password: 'secret',
    apiBaseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    publicBaseUrl: 'https://causeway.example',
  });
});
afterEach(() => {
  seen = [];
});
afterAll(async () => {
  http.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const create = (interactive = BUTTONS) =>
  channel.createContent({ account: ACCOUNT, interactive }, { timeoutMs: 5_000 });
const send = (part: PartContent) =>
  channel.send(
    {
      number: { address: 'whatsapp:+15550100', account: ACCOUNT },
      to: 'whatsapp:+15550123',
      part,
      attempt: { messageId: 'm', attemptId: 'a' },
    },
    { timeoutMs: 5_000 },
  );

describe('making content', () => {
  it('posts buttons as Twilio documents them, named by what they show', async () => {
    answer = { status: 201, body: JSON.stringify({ sid: SID }) };
    expect(await create()).toBe(SID);
    expect(seen[0]?.path).toBe('/v1/Content');
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
      friendly_name: `causeway-${contentDigest(BUTTONS).slice(0, 32)}`,
      language: 'de',
      types: {
        'twilio/quick-reply': {
          body: 'Which?',
          actions: [
            { type: 'QUICK_REPLY', title: 'Red', id: 'r' },
            { type: 'QUICK_REPLY', title: 'Blue', id: 'b' },
          ],
        },
      },
    });
  });

  it('writes a list with what opens it, and with descriptions where there are any', () => {
    const choices = [{ id: 'r', title: 'R…', description: 'Red' }, ...BUTTONS.choices];
    expect(contentRequest({ ...LIST, choices }).types).toMatchObject({
      'twilio/list-picker': {
        body: 'Which?',
        button: 'Choose',
        items: [
          { item: 'R…', id: 'r', description: 'Red' },
          { item: 'Red', id: 'r' },
          { item: 'Blue', id: 'b' },
        ],
      },
    });
  });

  it('tells apart what is shown differently, and nothing else', () => {
    const forms: Interactive[] = [
      BUTTONS,
      LIST,
      { ...LIST, button: 'Open' },
      { ...BUTTONS, body: 'What?' },
      { ...BUTTONS, choices: BUTTONS.choices.toReversed() },
      { ...BUTTONS, choices: [{ id: 'x', title: 'Red' }] },
    ];
    expect(new Set(forms.map(contentDigest)).size).toBe(forms.length);
    const { choices, body, language, kind } = BUTTONS;
    expect(contentDigest({ choices, body, language, kind })).toBe(contentDigest(BUTTONS));
  });

  it.each([
    [400, { code: 20001 }, { kind: 'failed', code: 'content-refused', httpStatus: 400 }],
    [403, {}, { kind: 'failed', code: 'content-refused' }],
    [404, { code: 20404 }, { kind: 'failed', code: 'content-refused' }],
    [401, { code: 20003 }, { kind: 'credentials' }],
    [429, { code: 20429 }, { kind: 'not-sent', code: 'rate-limited' }],
    [503, {}, { kind: 'not-sent', httpStatus: 503 }],
    [201, { sid: 'none' }, { kind: 'not-sent', code: 'unreadable-answer' }],
    [0, {}, { kind: 'not-sent' }],
  ])('answered by %i %j fails so that it is numbered, or made again', async (status, body, error) => {
    answer = { status, body: JSON.stringify(body) };
    await expect(create()).rejects.toMatchObject(error);
  });
});

describe('sending', () => {
  const made = { text: 'Which?\n1. Red', interactive: BUTTONS, content: { sid: SID } };
  const form = () => Object.fromEntries(new URLSearchParams(seen[0]?.body));
  const created = { status: 201, body: JSON.stringify({ sid: `SM${'c'.repeat(32)}`, status: 'queued' }) };

  it('names content in the place of a text', async () => {
    answer = created;
    await send(made);
    expect(form()).toMatchObject({ ContentSid: SID });
    expect(form()).not.toHaveProperty('Body');
    expect(form()).not.toHaveProperty('ContentVariables');
  });

  it('passes variables on as JSON', async () => {
    answer = created;
    await send({ content: { sid: SID, variables: { 1: 'Ada' } } });
    expect(form()).toMatchObject({ ContentSid: SID, ContentVariables: '{"1":"Ada"}' });
  });

  it('sends choices as text while nothing is made of them', async () => {
    answer = created;
    await send({ text: 'Which?\n1. Red', interactive: BUTTONS });
    expect(form()).toMatchObject({ Body: 'Which?\n1. Red' });
    expect(form()).not.toHaveProperty('ContentSid');
  });

  it.each([
    [{ latitude: '52.5', longitude: '13.4', label: 'Dock' }, 'geo:52.5,13.4|Dock'],
    [{ latitude: '52.5', longitude: '13.4' }, 'geo:52.5,13.4'],
  ])('shows the place %j on a map', async (location, action) => {
    answer = created;
    await send({ text: 'Dock', location });
    expect(form()).toMatchObject({ Body: 'Dock', PersistentAction: action });
  });

  it.each([
    [400, 21655],
    [404, 20404],
  ])('says of %i %i that the content has gone', async (status, code) => {
    answer = { status, body: JSON.stringify({ code, status }) };
    await expect(send(made)).rejects.toMatchObject({ kind: 'not-sent', code: 'content-unknown' });
    await expect(send({ content: { sid: SID } })).rejects.not.toMatchObject({ code: 'content-unknown' });
    await expect(send({ text: 'a' })).rejects.not.toMatchObject({ code: 'content-unknown' });
  });

  it.each([
    [400, 63005, 'failed'],
    [500, 20404, 'uncertain'],
  ])('leaves %i %i as it is', async (status, code, kind) => {
    answer = { status, body: JSON.stringify({ code, status }) };
    await expect(send(made)).rejects.toMatchObject({ kind });
  });
});

describe('looking for what was sent', () => {
  const listed = (body: string, numMedia: string) => ({
    sid: 'SM1',
    from: 'whatsapp:+15550100',
    messagingServiceSid: null,
    body,
    numMedia,
    direction: 'outbound-api',
    status: 'sent',
    dateCreated: new Date(),
  });
  const found = (part: PartContent, body: string, numMedia = '0') =>
    candidates([listed(body, numMedia)], {
      number: { address: 'whatsapp:+15550100', account: ACCOUNT },
      to: 'whatsapp:+15550123',
      part,
      since: 0,
      known: [],
    }).length;

  it.each<[string, PartContent, string, string, number]>([
    ['choices whatever their text', { text: 'a\n1. b', interactive: BUTTONS }, 'a', '0', 1],
    ['choices, but no media', { text: 'a\n1. b', interactive: BUTTONS }, 'a', '1', 0],
    ['templates, with media as well', { content: { sid: SID } }, 'Hello', '1', 1],
    ['places whatever their text', { text: 'a', location: { latitude: '1', longitude: '2' } }, '', '0', 1],
    ['texts to the letter', { text: 'a' }, 'b', '0', 0],
  ])('takes %s', (_name, part, body, numMedia, count) => {
    expect(found(part, body, numMedia)).toBe(count);
  });
});
