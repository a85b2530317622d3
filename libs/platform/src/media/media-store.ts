import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Disk } from 'flydrive';

export interface MediaStoreOptions {
  /** Where files are kept; with `s3` they only pass through. Made where it is missing, closed to others. */
  directory: string;
  s3?: S3Options | undefined;
  /** For how many days a file is there at least. */
  keepDays: number;
}

export interface S3Options {
  bucket: string;
  region: string;
  /** Of an S3-compatible service; its buckets are then named in the path. Absent: AWS. */
  endpoint?: string | undefined;
  /** Absent: as the SDK finds them, which is how roles on AWS work. */
  credentials?: { accessKeyId: string; secretAccessKey: string } | undefined;
}

/** Bytes from `start` to `end`, both included. */
export interface ByteRange {
  start: number;
  end: number;
}

/** A file on this machine that is about to be kept. */
export interface SpooledFile {
  path: string;
  bytes: number;
}

/** Thrown as soon as a stream has grown larger than allowed. */
export class StreamTooLargeError extends Error {
  constructor(readonly maxBytes: number) {
    super(`A stream is larger than ${maxBytes} bytes.`);
    this.name = 'StreamTooLargeError';
  }
}

const DAY_MS = 86_400_000;
/** `2026-11-26/` and 128 random bits: nobody guesses a key, and a day goes as a whole. */
const KEY = /^\d{4}-\d{2}-\d{2}\/[0-9a-f]{32}$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
/** What passes through has a name of its own, and is left over only where a process died. */
const SPOOL = 'incoming';
const SPOOL_KEPT_MS = DAY_MS;
/** The SDK writes to the console where it is given no log; whatever fails is told by whoever asked. */
const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const S3_TIMEOUTS = { connectionTimeout: 3_000, requestTimeout: 30_000 };

/**
 * Keeps files for whoever fetches them by a link: in a directory, which all gateways and workers must share, or in a bucket.
 * Files are streamed, and read whole or in part.
 */
export class MediaStore {
  private opened: Promise<Backend> | undefined;
  private readonly directory: string;

  constructor(private readonly options: MediaStoreOptions) {
    this.directory = resolve(options.directory);
  }

  /** Writes a stream to a file of this machine. Throws {@link StreamTooLargeError}; whatever fails leaves nothing. */
  async spool(body: Readable, maxBytes: number): Promise<SpooledFile> {
    const path = await this.spoolPath();
    let bytes = 0;
    const counted = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw new StreamTooLargeError(maxBytes);
        yield chunk;
      }
    };
    // Opened before anything can fail: a file that is made after its removal would stay.
    const file = await open(path, 'wx', 0o600);
    try {
      await pipeline(body, counted, file.createWriteStream());
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    return { path, bytes };
  }

  /** A name for a file that only passes through. */
  async spoolPath(): Promise<string> {
    await this.makeDirectory();
    return join(this.directory, SPOOL, randomBytes(16).toString('hex'));
  }

  /** Keeps a spooled file and answers its key. The spooled one stays for its owner to remove. */
  async put({ path, bytes }: SpooledFile, contentType: string): Promise<string> {
    const key = `${dayOf(Date.now())}/${randomBytes(16).toString('hex')}`;
    const { disk } = await this.backend();
    await disk.putStream(key, createReadStream(path), { contentType, contentLength: bytes });
    return key;
  }

  /** How long a file is; undefined where it is not there. */
  async size(key: string): Promise<number | undefined> {
    if (!KEY.test(key)) return undefined;
    const { disk } = await this.backend();
    try {
      return (await disk.getMetaData(key)).contentLength;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** A file's bytes, or those of one range. */
  async read(key: string, range?: ByteRange): Promise<Readable> {
    if (!KEY.test(key)) throw new TypeError('Not a key of the media store.');
    return (await this.backend()).read(key, range);
  }

  async delete(key: string): Promise<void> {
    await (await this.backend()).disk.delete(key);
  }

  /** Until when new links to a file may be made, epoch milliseconds. It stays a day longer, so that they work. */
  keptUntil(key: string): number {
    return Date.parse(key.slice(0, 10)) + (this.options.keepDays + 1) * DAY_MS;
  }

  /** Deletes what is old, whole days at a time. */
  async sweep(now: number = Date.now()): Promise<string[]> {
    const { disk } = await this.backend();
    const days: string[] = [];
    let paginationToken: string | undefined;
    do {
      const page = await disk.listAll('/', paginationToken === undefined ? {} : { paginationToken });
      for (const entry of page.objects) if (entry.isDirectory) days.push(entry.prefix.replace(/\/$/, ''));
      ({ paginationToken } = page);
    } while (paginationToken !== undefined);
    const old = days.filter((day) => DAY.test(day) && this.keptUntil(day) + DAY_MS <= now);
    for (const day of old) await disk.deleteAll(day);
    await this.sweepSpool(now);
    return old;
  }

  private async sweepSpool(now: number): Promise<void> {
    const folder = join(this.directory, SPOOL);
    for (const name of await readdir(folder).catch(() => [])) {
      const path = join(folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found && found.mtimeMs + SPOOL_KEPT_MS < now) await rm(path, { force: true });
    }
  }

  private backend(): Promise<Backend> {
    this.opened ??= this.open().catch((error: unknown) => {
      this.opened = undefined;
      throw error;
    });
    return this.opened;
  }

  private async open(): Promise<Backend> {
    const { s3 } = this.options;
    if (s3) return openBucket(s3);
    await this.makeDirectory();
    const [{ Disk }, { FSDriver }] = await Promise.all([import('flydrive'), import('flydrive/drivers/fs')]);
    const disk = new Disk(new FSDriver({ location: this.directory, visibility: 'private' }));
    return { disk, read: async (key, range) => createReadStream(join(this.directory, key), range) };
  }

  private async makeDirectory(): Promise<void> {
    const made = await mkdir(join(this.directory, SPOOL), { recursive: true, mode: 0o700 });
    if (made !== undefined) await chmod(this.directory, 0o700);
  }
}

interface Backend {
  disk: Disk;
  read(key: string, range?: ByteRange): Promise<Readable>;
}

/** The SDK is loaded only where it is wanted: it is large. */
async function openBucket({ bucket, region, endpoint, credentials }: S3Options): Promise<Backend> {
  const [{ S3Client, GetObjectCommand }, { Disk }, { S3Driver }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('flydrive'),
    import('flydrive/drivers/s3'),
  ]);
  const client: S3Client = new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    ...(credentials && { credentials }),
    // Other services than AWS do not know the newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: S3_TIMEOUTS,
    logger: SILENT,
  });
  const disk = new Disk(new S3Driver({ client, bucket, visibility: 'private', supportsACL: false }));
  const read = async (key: string, range?: ByteRange) => {
    const Range = range && `bytes=${range.start}-${range.end}`;
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range }));
    return Body as Readable;
  };
  return { disk, read };
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Both drivers wrap what was wrong. */
function isMissing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { cause } = error;
  const { code, $metadata } = (cause ?? {}) as { code?: string; $metadata?: { httpStatusCode?: number } };
  return code === 'ENOENT' || $metadata?.httpStatusCode === 404;
}
