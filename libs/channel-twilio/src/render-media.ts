import { mediaRule, splitText } from '#core';
import type { CarriedFile, KeptFile, MediaCapabilities, PartContent } from '#core';

/**
 * Puts files to a message's parts: what goes by a link becomes lines of its text, the rest as few parts as the channel allows,
 * in order. The last text stands with the first file where the channel shows it there.
 */
export function attach(
  parts: readonly PartContent[],
  files: readonly CarriedFile[],
  limits: MediaCapabilities,
  maxTextLength: number,
): PartContent[] {
  const lines = files.flatMap((file) => ('link' in file ? [`${file.filename}: ${file.link}`] : []));
  const texts = withLines(parts, lines, maxTextLength);
  const media = groups(
    files.flatMap((file) => ('media' in file ? [file.media] : [])),
    limits,
  ).map((group): PartContent => ({ media: group }));
  const [first, ...others] = media;
  const last = texts.at(-1);
  if (!first || !last || !isCaption(last, first, limits)) return [...texts, ...media];
  return [...texts.slice(0, -1), { ...last, ...first }, ...others];
}

/** A line is never cut: half a link is none. */
function withLines(parts: readonly PartContent[], lines: string[], maxTextLength: number): PartContent[] {
  const rendered = [...parts];
  for (const line of lines) {
    const last = rendered.at(-1);
    const joined = last && isText(last) ? `${last.text}\n${line}` : undefined;
    if (joined !== undefined && joined.length <= maxTextLength) rendered.splice(-1, 1, { text: joined });
    else rendered.push(...splitText(line, maxTextLength).map((text) => ({ text })));
  }
  return rendered;
}

/** As many files to a part as may stand in one. */
function groups(files: KeptFile[], { maxPerPart, maxBytesPerPart }: MediaCapabilities): KeptFile[][] {
  const found: KeptFile[][] = [];
  let bytes = 0;
  for (const file of files) {
    const group = found.at(-1);
    if (group && group.length < maxPerPart && bytes + file.bytes <= maxBytesPerPart) {
      group.push(file);
      bytes += file.bytes;
    } else {
      found.push([file]);
      bytes = file.bytes;
    }
  }
  return found;
}

function isCaption(text: PartContent, { media = [] }: PartContent, limits: MediaCapabilities): boolean {
  const [file] = media;
  if (!file || !isText(text) || text.text.length > limits.maxCaptionLength) return false;
  // A sticker fits a rule by its size in pixels, which nobody has kept; it takes no caption either way.
  return mediaRule(limits, file)?.caption ?? false;
}

/** Nothing but words: what offers choices or names a place stays a part of its own. */
function isText(part: PartContent): part is PartContent & { text: string } {
  return part.text !== undefined && Object.keys(part).length === 1;
}
