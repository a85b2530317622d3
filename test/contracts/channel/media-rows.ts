import { buffer } from 'node:stream/consumers';
import { expect } from 'vitest';
import { MediaRefusedError, type MediaRefusalReason, type MediaStream } from '#core';
import { failure, PATIENT, received, type ChannelWorld, type Row } from './world.js';

const BYTES = Buffer.from('\x89PNG\r\n'.repeat(5_000), 'latin1');
const MINUTES_MS = 60_000;

export const MEDIA: readonly Row[] = [
  {
    name: "fetches a customer's medium, byte for byte",
    check: async (world) => {
      const stream = await fetches(world, await medium(world));
      expect((await buffer(stream.body)).equals(BYTES), 'the same bytes').toBe(true);
      expect(stream.contentType).toBe('image/png');
      expect([BYTES.length, undefined]).toContain(stream.length);
    },
  },
  {
    name: 'fetches nothing from addresses that are not its own',
    check: async (world) => {
      const url = await medium(world);
      const { host, pathname } = new URL(url);
      const foreign = [
        `http://169.254.169.254${pathname}`,
        `http://127.0.0.1:9${pathname}`,
        `${url.replace('//', '//user:secret@')}`,
        `http://${host}.attacker.example${pathname}`,
        `${url}/../../../internal`,
        'file:///etc/passwd',
        'not an address',
        '',
      ];
      for (const each of foreign) expect(await refusal(fetches(world, each)), each).toBe('unsafe-address');
      expect(world.calls('media'), 'calls').toBe(0);
    },
  },
  {
    name: 'waits for a medium that may come yet, and gives up one that is gone',
    check: async (world) => {
      const url = await medium(world);
      world.loses(url);
      const early = await failure(world, fetches(world, url, { ageMs: 1_000 }), url);
      expect(early.kind).toBe('not-sent');
      expect(await refusal(fetches(world, url, { ageMs: 60 * MINUTES_MS }))).toBe('not-found');
    },
  },
  {
    name: 'takes no medium that is larger than it may be',
    check: async (world) => {
      const url = await medium(world);
      expect(await refusal(fetches(world, url, { maxBytes: BYTES.length - 1 }).then(read))).toBe('too-large');
      await read(await fetches(world, url, { maxBytes: BYTES.length }));
    },
  },
  {
    name: 'fetches again what it could not fetch for now',
    check: async (world) => {
      const url = await medium(world);
      for (const mood of ['fails', 'resets', 'rate-limits'] as const) {
        world.next('media', mood);
        expect((await failure(world, fetches(world, url), url)).kind, mood).toBe('not-sent');
      }
      world.next('media', 'refuses-credentials');
      expect((await failure(world, fetches(world, url), url)).kind).toBe('credentials');
      await read(await fetches(world, url));
    },
  },
  {
    name: 'deletes a medium, as often as it is asked to',
    check: async (world) => {
      const url = await medium(world);
      const request = { account: world.rich.account, url };
      world.next('delete', 'fails');
      await failure(world, world.channel.deleteMedia(request, PATIENT), url);
      expect(world.has(url)).toBe(true);
      await world.channel.deleteMedia(request, PATIENT);
      expect(world.has(url)).toBe(false);
      await world.channel.deleteMedia(request, PATIENT);
    },
  },
  {
    name: 'deletes nothing at other addresses',
    check: async (world) => {
      const { account } = world.rich;
      const url = await medium(world);
      for (const each of ['http://169.254.169.254/latest', 'file:///etc/passwd', '']) {
        await world.channel.deleteMedia({ account, url: each }, PATIENT);
      }
      expect(world.calls('delete'), 'calls').toBe(0);
      expect(world.has(url)).toBe(true);
    },
  },
];

/** The address of a medium that a customer has sent. */
async function medium(world: ChannelWorld): Promise<string> {
  const { event } = await received(world, { media: [{ contentType: 'image/png', bytes: BYTES }] });
  const { content } = event;
  const url = content.type === 'attachments' ? content.attachments[0]?.url : undefined;
  if (url === undefined) expect.fail('the medium has no address');
  return url;
}

function fetches(
  { channel, rich }: ChannelWorld,
  url: string,
  { ageMs = MINUTES_MS * 10, maxBytes = 1_000_000 } = {},
): Promise<MediaStream> {
  return channel.fetchMedia({ account: rich.account, url, ageMs, maxBytes }, PATIENT);
}

async function read({ body }: MediaStream): Promise<Buffer> {
  return buffer(body);
}

async function refusal(fetched: Promise<unknown>): Promise<MediaRefusalReason> {
  const error: unknown = await fetched.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!error) expect.fail('it was taken');
  if (!(error instanceof MediaRefusedError)) throw error;
  return error.refusal.refused;
}
