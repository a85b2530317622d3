import { rm } from 'node:fs/promises';
import {
  DeliveryError,
  MediaKeeper,
  MediaRefusedError,
  MAX_FILE_BYTES,
  mediaRule,
  sizeDetail,
  type CarriedFile,
  type KeptFile,
  type MediaCapabilities,
  type MediaRefusal,
  type MediaStream,
} from '#core';
import {
  fileKind,
  fitImage,
  MAX_PIXELS,
  mayGoToCustomer,
  readImage,
  shortFilename,
  signMediaToken,
  StreamTooLargeError,
  withExtension,
  type LinkSecrets,
  type MediaStore,
  type Metrics,
  type SpooledFile,
} from '#platform';

/** Twilio keeps a message for as long before it fetches its media, and a little for clocks and the fetching itself. Seconds. */
const LINK_LIFE_S = 36_000 + 3_600;
const DAY_S = 86_400;
/** Pictures that our library reads; one of these that it cannot read is broken. */
const READABLE: ReadonlySet<string> = new Set([
  'image/jpeg',
  'image/png',
  'image/gif',
  'image/webp',
  'image/tiff',
]);

export interface FileKeeperOptions {
  store: MediaStore;
  secrets: LinkSecrets;
  metrics: Metrics;
  publicBaseUrl: string;
  keepDays: number;
  /** Epoch milliseconds. */
  now?: () => number;
}

/** Agents' files in our own media store: as they are, as a smaller picture, or behind a link for the customer. */
export class FileKeeper extends MediaKeeper {
  constructor(private readonly options: FileKeeperOptions) {
    super();
  }

  override async keep(stream: MediaStream, limits: MediaCapabilities): Promise<CarriedFile> {
    const { metrics } = this.options;
    try {
      const carried = await this.spooled(stream, (file) => this.fit(file, stream.filename ?? '', limits));
      metrics.mediaOut.inc({ result: 'media' in carried ? 'carried' : 'linked' });
      return carried;
    } catch (error) {
      if (error instanceof MediaRefusedError) metrics.mediaOut.inc({ result: error.refusal.refused });
      throw error;
    }
  }

  override keepWhole(stream: MediaStream): Promise<KeptFile> {
    return this.spooled(stream, async (file) => {
      const contentType = await this.kindOf(file, stream.filename ?? '');
      return this.put(file, contentType, stream.filename ?? '');
    });
  }

  override async open({ key, contentType, filename, bytes }: KeptFile): Promise<MediaStream> {
    const { store } = this.options;
    const body = await store
      .size(key)
      .then((size) => (size === undefined ? undefined : store.read(key)))
      .catch((cause: unknown) => {
        throw new DeliveryError('not-sent', { code: 'media-store', cause });
      });
    if (!body) throw refused('not-found');
    return { body, contentType, filename, length: bytes };
  }

  override async link(file: KeptFile): Promise<string> {
    if (this.now() > this.options.store.keptUntil(file.key)) {
      throw new DeliveryError('failed', { code: 'media-expired' });
    }
    return this.signed(file, LINK_LIFE_S);
  }

  private async spooled<T>(stream: MediaStream, work: (file: SpooledFile) => Promise<T>): Promise<T> {
    const { store } = this.options;
    let file: SpooledFile | undefined;
    try {
      file = await store.spool(stream.body, MAX_FILE_BYTES);
      return await work(file);
    } catch (error) {
      if (error instanceof MediaRefusedError || error instanceof DeliveryError) throw error;
      if (error instanceof StreamTooLargeError) {
        throw refused('too-large', sizeDetail(undefined, MAX_FILE_BYTES));
      }
      throw new DeliveryError('not-sent', { code: 'media-store', cause: error });
    } finally {
      stream.body.destroy();
      if (file) await rm(file.path, { force: true });
    }
  }

  private async fit(file: SpooledFile, filename: string, limits: MediaCapabilities): Promise<CarriedFile> {
    const contentType = await this.kindOf(file, filename);
    const isImage = contentType.startsWith('image/');
    const image = isImage ? await readImage(file.path) : undefined;
    if (isImage && !image && READABLE.has(contentType)) throw refused('unreadable');
    if (image && image.width * image.height > MAX_PIXELS) {
      throw refused('too-large', `${Math.round((image.width * image.height) / 1_000_000)} megapixels`);
    }
    if (mediaRule(limits, { ...file, contentType, ...image })) {
      return { media: await this.put(file, contentType, filename) };
    }
    const scaled = image && (await this.scaled(file, filename, limits));
    if (scaled) return { media: scaled };
    const kept = await this.put(file, contentType, filename);
    return { link: await this.signed(kept, this.options.keepDays * DAY_S), filename: kept.filename };
  }

  private async kindOf(file: SpooledFile, filename: string): Promise<string> {
    if (file.bytes === 0) throw refused('empty');
    const { contentType } = await fileKind(file.path, { filename });
    if (!mayGoToCustomer(contentType, filename)) throw refused('wrong-type', contentType);
    return contentType;
  }

  private async scaled(
    file: SpooledFile,
    filename: string,
    { scaledImageBytes }: MediaCapabilities,
  ): Promise<KeptFile | undefined> {
    const path = await this.options.store.spoolPath();
    try {
      const image = await fitImage(file.path, path, scaledImageBytes);
      return image && (await this.put({ path, bytes: image.bytes }, image.contentType, filename));
    } finally {
      await rm(path, { force: true });
    }
  }

  private async put(file: SpooledFile, contentType: string, filename: string): Promise<KeptFile> {
    const key = await this.options.store.put(file, contentType);
    const named = filename === '' ? shortFilename('', contentType) : withExtension(filename, contentType);
    return { key, contentType, bytes: file.bytes, filename: named.slice(-80) };
  }

  private async signed({ key, contentType, filename, bytes }: KeptFile, lifeS: number): Promise<string> {
    const { secrets, publicBaseUrl } = this.options;
    const secret = await secrets.newest().catch((cause: unknown) => {
      throw new DeliveryError('not-sent', { code: 'media-store', cause });
    });
    const expiresAt = Math.ceil(this.now() / 1_000) + lifeS;
    return `${publicBaseUrl}/media/${signMediaToken({ key, contentType, filename, bytes, expiresAt }, secret)}`;
  }

  private now(): number {
    return (this.options.now ?? Date.now)();
  }
}

function refused(reason: MediaRefusal['refused'], detail?: string): MediaRefusedError {
  return new MediaRefusedError({ refused: reason, ...(detail !== undefined && { detail }) });
}
