import { createReadStream } from 'node:fs';
import { mkdtemp, open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { mayGoToDesk } from './carried-kinds.js';
import { fileKind } from './file-kind.js';
import { bare } from './media-types.js';

const PREFIX = 'causeway-media-';
/** How much of a file is kept in memory to see what it is. */
const HEAD_BYTES = 64 * 1024;
/** Text that begins like something to be run, whatever it is called. */
const MARKUP = /^\uFEFF?\s*(?:<[!?a-z]|#!)/i;

/** A file on its way through this process. Whoever has it removes it. */
export interface TemporaryFile {
  /** What its bytes are. */
  contentType: string;
  /** That fits the type, without a dot. */
  extension: string;
  bytes: number;
  /** Its first bytes, at most 64 KiB. */
  head: Buffer;
  /** As often as it is needed. */
  open(): Readable;
  remove(): Promise<void>;
}

/** Why a file is not taken. `size`: how large it is at least, where it is too large, bytes. */
export interface NotTaken {
  refused: 'too-large' | 'wrong-type' | 'empty';
  size?: number;
}

/**
 * Where files lie while they go from one side to the other: in a directory of this process that nobody else can read, so that
 * memory stays bounded however large they are.
 */
export class TemporaryFiles {
  private directory: Promise<string> | undefined;
  private count = 0;

  constructor(private readonly root = tmpdir()) {}

  /** Takes all of `body`, or rejects with what it broke off with; nothing is left behind then. */
  async take(
    body: Readable,
    limits: { maxBytes: number; announced?: string | undefined },
  ): Promise<TemporaryFile | NotTaken> {
    try {
      this.directory ??= mkdtemp(join(this.root, `${PREFIX}${process.pid}-`));
      const path = join(await this.directory, String((this.count += 1)));
      const remove = () => rm(path, { force: true });
      const taken = await this.store(body, path, limits).catch(async (error: unknown) => {
        await remove();
        throw error;
      });
      if ('refused' in taken) await remove();
      return 'refused' in taken ? taken : { ...taken, open: () => createReadStream(path), remove };
    } catch (error) {
      // Something that cleans up has removed the directory: the next file gets a new one.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') this.directory = undefined;
      throw error;
    } finally {
      body.destroy();
    }
  }

  private async store(
    body: Readable,
    path: string,
    { maxBytes, announced }: { maxBytes: number; announced?: string | undefined },
  ): Promise<Omit<TemporaryFile, 'open' | 'remove'> | NotTaken> {
    const file = await open(path, 'wx', 0o600);
    let written: { bytes: number; head: Buffer; isText: boolean };
    try {
      written = await write(body, file, maxBytes);
    } finally {
      await file.close();
    }
    const { bytes, head, isText } = written;
    if (bytes > maxBytes) return { refused: 'too-large', size: bytes };
    if (bytes === 0) return { refused: 'empty' };
    const { contentType, extension } = await fileKind(path, { contentType: announced });
    const isFine = !contentType.startsWith('text/') || (isText && !MARKUP.test(head.toString('utf8')));
    if (!isFine || !mayGoToDesk(contentType)) return { refused: 'wrong-type' };
    return { contentType: bare(contentType), extension, bytes, head };
  }

  /** Removes everything; files still in use break off. */
  async close(): Promise<void> {
    const directory = await this.directory?.catch(() => undefined);
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    this.directory = undefined;
  }

  /** Removes what processes left that are no more. What cannot be removed is somebody else's. */
  async sweep(): Promise<void> {
    const own = await this.directory?.catch(() => undefined);
    for (const entry of await readdir(this.root, { withFileTypes: true }).catch(() => [])) {
      const pid = Number(/^causeway-media-(\d+)-/.exec(entry.name)?.[1]);
      const path = join(this.root, entry.name);
      if (!entry.isDirectory() || Number.isNaN(pid) || path === own) continue;
      if (pid === process.pid || !isRunning(pid)) {
        await rm(path, { recursive: true, force: true }).catch(() => undefined);
      }
    }
  }
}

/** Writes the body as it comes, up to the first bytes that are too many. */
async function write(body: Readable, file: FileHandle, maxBytes: number) {
  const head: Buffer[] = [];
  const text = new TextCheck();
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (bytes < HEAD_BYTES) head.push(chunk.subarray(0, HEAD_BYTES - bytes));
    bytes += chunk.length;
    if (bytes > maxBytes) break;
    text.add(chunk);
    for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten;
  }
  return { bytes, head: Buffer.concat(head), isText: text.end() };
}

/** Whether bytes are well-formed UTF-8 without NUL, as they come. */
class TextCheck {
  private decoder: TextDecoder | undefined = new TextDecoder('utf-8', { fatal: true });

  add(chunk: Buffer): void {
    if (!this.decoder) return;
    try {
      this.decoder.decode(chunk, { stream: true });
      if (chunk.includes(0)) this.decoder = undefined;
    } catch {
      this.decoder = undefined;
    }
  }

  end(): boolean {
    try {
      this.decoder?.decode();
      return this.decoder !== undefined;
    } catch {
      return false;
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
