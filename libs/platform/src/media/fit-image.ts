import type { Sharp } from 'sharp';

/** More is a bomb: a few kilobytes that unpack to gigabytes. */
export const MAX_PIXELS = 64_000_000;
/** Longest edges and qualities that are tried, the best first. */
const STEPS: readonly (readonly [edge: number, quality: number])[] = [
  [4_096, 85],
  [2_560, 82],
  [2_048, 80],
  [1_600, 75],
  [1_280, 70],
  [1_024, 65],
  [800, 60],
  [640, 50],
  [480, 40],
];
const TIMEOUT_SECONDS = 20;
/** A transparent picture is tried as a PNG at these edges only: what does not fit then is mostly a photograph. */
const PNG_EDGES: ReadonlySet<number> = new Set([4_096, 1_024]);
/** All that pictures come as; what else libvips may be able to open is not opened. */
const LOADERS = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif', 'Tiff'].map((name) => `VipsForeignLoad${name}`);

export interface ImageFacts {
  width: number;
  height: number;
}

let loading: Promise<typeof import('sharp').default> | undefined;
let last: Promise<unknown> = Promise.resolve();

/** sharp is loaded when the first picture comes; one picture at a time, with one thread and no cache. */
function loadSharp(): Promise<typeof import('sharp').default> {
  loading ??= import('sharp').then(({ default: sharp }) => {
    sharp.concurrency(1);
    sharp.cache(false);
    sharp.block({ operation: ['VipsForeignLoad'] });
    sharp.unblock({ operation: LOADERS });
    return sharp;
  });
  return loading;
}

/** Size in pixels, from the header alone; undefined where it is no picture that can be read. */
export async function readImage(path: string): Promise<ImageFacts | undefined> {
  const sharp = await loadSharp();
  try {
    const { width, height } = await sharp(path, { limitInputPixels: false }).metadata();
    return { width, height };
  } catch {
    return undefined;
  }
}

/**
 * Makes a picture that is at most `maxBytes` long and shown upright, without what it says of the camera and the place:
 * a JPEG, or a PNG where it is transparent and fits. Undefined where that cannot be done.
 */
export function fitImage(source: string, target: string, maxBytes: number): Promise<FittedImage | undefined> {
  const fitted = last.then(() => fit(source, target, maxBytes));
  last = fitted.catch(() => undefined);
  return fitted;
}

export interface FittedImage {
  contentType: 'image/jpeg' | 'image/png';
  bytes: number;
}

async function fit(source: string, target: string, maxBytes: number): Promise<FittedImage | undefined> {
  const sharp = await loadSharp();
  const at = (edge: number): Sharp =>
    sharp(source, { failOn: 'error', limitInputPixels: MAX_PIXELS, sequentialRead: true })
      .timeout({ seconds: TIMEOUT_SECONDS })
      .autoOrient()
      .resize({ width: edge, height: edge, fit: 'inside', withoutEnlargement: true });
  const write = async (image: Sharp): Promise<number> => (await image.toFile(target)).size;
  try {
    const isOpaque = (await sharp(source, { limitInputPixels: MAX_PIXELS }).metadata()).hasAlpha !== true;
    for (const [edge, quality] of STEPS) {
      if (!isOpaque && PNG_EDGES.has(edge)) {
        const bytes = await write(at(edge).png());
        if (bytes <= maxBytes) return { contentType: 'image/png', bytes };
      }
      if (!isOpaque && edge > 1_024) continue;
      const bytes = await write(at(edge).flatten({ background: '#ffffff' }).jpeg({ quality }));
      if (bytes <= maxBytes) return { contentType: 'image/jpeg', bytes };
    }
    return undefined;
  } catch {
    // Half a picture, too many pixels, a format that is not built in: none of it is worth a retry.
    return undefined;
  }
}
