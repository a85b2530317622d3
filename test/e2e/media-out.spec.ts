import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/accepting.js';
import { startSystem, type System } from '../support/system.js';
import { hugePng } from '../support/huge-png.js';
import { startTestS3, type TestS3 } from '../support/s3.js';
import { Customer } from '../support/traffic.js';

interface File {
  contentType: string;
  fileName: string;
  bytes: Buffer;
}

interface OnPhone {
  body: string;
  status: string;
  media: { sid: string; contentType: string; bytes: number; sha256: string; fileName?: string }[];
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function picture(width: number, height: number): Promise<Buffer> {
  const noise = { type: 'gaussian' as const, mean: 128, sigma: 30 };
  return sharp({ create: { width, height, channels: 3, background: 'grey', noise } })
    .jpeg({ quality: 100 })
    .toBuffer();
}

const jpeg = async (fileName: string, width = 60, height = 40): Promise<File> => ({
  contentType: 'image/jpeg',
  fileName,
  bytes: await picture(width, height),
});
const pdf = (fileName: string, length = 2_000): File => ({
  contentType: 'application/pdf',
  fileName,
  bytes: Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(length)]),
});

/** What a phone's provider shows, once `done`. */
async function phone(
  system: System,
  customer: Customer,
  done: (all: OnPhone[]) => boolean,
): Promise<OnPhone[]> {
  let found: OnPhone[] = [];
  await eventually('the answers are on the phone', async () => {
    const to = encodeURIComponent(customer.address);
    const response = await fetch(`${system.twilio.url}/__sandbox/messages?to=${to}&direction=outbound-api`);
    found = ((await response.json()) as { items: OnPhone[] }).items;
    return done(found);
  });
  return found;
}

const settled = (count: number) => (all: OnPhone[]) =>
  all.length === count &&
  all.every(({ status }) => ['delivered', 'read', 'undelivered', 'failed'].includes(status));

async function bytesOf(system: System, sid: string): Promise<Buffer> {
  const response = await fetch(`${system.twilio.url}/__sandbox/media/${sid}`);
  return Buffer.from(await response.arrayBuffer());
}

async function talking(system: System, channel: 'sms' | 'whatsapp' = 'sms') {
  const customer = new Customer(system, channel);
  await customer.write(customer.text('hello'));
  const { id } = await customer.accept();
  const answer = async (text: string | undefined, ...files: File[]) => {
    const attachments = files.map(({ bytes, ...file }) => ({ ...file, base64: bytes.toString('base64') }));
    const response = await fetch(`${system.desk.url}/__sandbox/conversations/${id}/messages`, {
      method: 'POST',
      body: JSON.stringify({ ...(text !== undefined && { text }), attachments }),
    });
    expect(response.status).toBe(201);
  };
  return { customer, answer };
}

let s3: TestS3;
let directory: string;
beforeAll(async () => {
  s3 = await startTestS3();
  directory = await mkdtemp(join(tmpdir(), 'causeway-media-'));
});
afterAll(async () => {
  await s3.stop();
  await rm(directory, { recursive: true, force: true });
});

const IN_BUCKET = () => ({
  MEDIA_S3_BUCKET: s3.bucket,
  MEDIA_S3_ENDPOINT: s3.endpoint,
  MEDIA_S3_ACCESS_KEY_ID: 'test-key',
  MEDIA_S3_SECRET_ACCESS_KEY: 'test-secret',
});

describe.each([
  ['a directory', false],
  ['a bucket', true],
])("agents' files, kept in %s", { timeout: 120_000 }, (_where, bucket) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({
      queues: 'postgres',
      gateways: 2,
      workers: 2,
      env: { MEDIA_DIR: join(directory, bucket ? 'passing' : 'kept'), ...(bucket && IN_BUCKET()) },
    });
  });
  afterAll(() => system.stop());

  it('reach the phone byte for byte, with text and name', async () => {
    const { customer, answer } = await talking(system);
    const [one, two] = [await jpeg('holiday photo.jpg'), await jpeg('two.jpg')];
    await answer(customer.text('Look'), one, two);
    const [message] = await phone(system, customer, settled(1));
    expect(message).toMatchObject({ body: customer.text('Look'), status: 'delivered' });
    expect(message?.media).toMatchObject([
      { contentType: 'image/jpeg', sha256: sha256(one.bytes), fileName: 'holiday photo.jpg' },
      { contentType: 'image/jpeg', sha256: sha256(two.bytes), fileName: 'two.jpg' },
    ]);
    const urls = system.twilio.log.flatMap((entry) => (entry.kind === 'message' ? entry.mediaUrls : []));
    expect(urls).toHaveLength(2);
    expect(urls.every((url) => url.startsWith(`${system.url}/media/`))).toBe(true);
  });
});

describe("agents' files", { timeout: 120_000 }, () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ queues: 'postgres', env: { MEDIA_DIR: join(directory, 'files') } });
  });
  afterAll(() => system.stop());

  it('go one to a message on WhatsApp, in order, the text with the first', async () => {
    const { customer, answer } = await talking(system, 'whatsapp');
    const files = [await jpeg('1.jpg', 50, 50), await jpeg('2.jpg', 60, 60), pdf('3.pdf')];
    await answer(customer.text('Three'), ...files);
    const messages = await phone(system, customer, settled(3));
    expect(messages.map(({ body, media }) => [body, media.map((each) => each.sha256)])).toEqual([
      [customer.text('Three'), [sha256(files[0]?.bytes ?? Buffer.of())]],
      ['', [sha256(files[1]?.bytes ?? Buffer.of())]],
      ['', [sha256(files[2]?.bytes ?? Buffer.of())]],
    ]);
  });

  it('are scaled where they are pictures that are too large', async () => {
    const { customer, answer } = await talking(system, 'whatsapp');
    const large = await jpeg('large.jpg', 3_200, 2_400);
    expect(large.bytes.length).toBeGreaterThan(5_000_000);
    await answer(undefined, large);
    const [message] = await phone(system, customer, settled(1));
    const [medium] = message?.media ?? [];
    expect([message?.status, medium?.contentType]).toEqual(['delivered', 'image/jpeg']);
    const { width, height } = await sharp(await bytesOf(system, medium?.sid ?? '')).metadata();
    expect(width / height).toBeCloseTo(4 / 3, 2);
    expect(width).toBeGreaterThanOrEqual(640);
    expect(medium?.bytes).toBeLessThan(5_000_000);
  });

  it('go as a link where the channel does not carry them', async () => {
    const { customer, answer } = await talking(system);
    const report = pdf('annual report.pdf', 900_000);
    await answer(customer.text('Here'), report);
    const [message] = await phone(system, customer, settled(1));
    const [, url = ''] = /^.*\nannual report\.pdf: (http\S+)$/.exec(message?.body ?? '') ?? [];
    expect([message?.media, url]).toEqual([[], expect.stringContaining(`${system.url}/media/`)]);
    const response = await fetch(url);
    expect(response.headers.get('content-type')).toBe('application/pdf');
    expect(sha256(Buffer.from(await response.arrayBuffer()))).toBe(sha256(report.bytes));
  });

  it('are left out where they are dangerous or bombs, and the agent reads why', async () => {
    const { customer, answer } = await talking(system);
    const page = { contentType: 'text/html', fileName: 'page.txt', bytes: Buffer.from('<html><script>') };
    const svg = {
      contentType: 'image/svg+xml',
      fileName: 'logo.svg',
      bytes: Buffer.from('<svg onload="x"/>'),
    };
    const bomb = { contentType: 'image/png', fileName: 'bomb.png', bytes: hugePng(40_000, 40_000) };
    await answer(customer.text('See'), page, svg, bomb, await jpeg('fine.jpg'));
    const [message] = await phone(system, customer, settled(1));
    expect(message?.media.map(({ fileName }) => fileName)).toEqual(['fine.jpg']);
    const notes = await eventually('a note to the agent', () => {
      const found = system.desk.log.flatMap((entry) =>
        entry.kind === 'message' && entry.authorType === 'bot' ? [entry.text] : [],
      );
      return found.length > 0 && found;
    });
    expect(notes).toEqual([
      `Sent to the customer without a file: “${customer.text('See')}”. ` +
        '“page.txt”: files of this kind are not sent, for safety (text/html); ' +
        '“logo.svg”: files of this kind are not sent, for safety (image/svg+xml); ' +
        '“bomb.png”: it is too large (1600 megapixels).',
    ]);
  });
});
