import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  bare,
  byteRange,
  shortFilename,
  verifyMediaToken,
  type LinkSecrets,
  type MediaStore,
  type MediaToken,
} from '#platform';

export interface MediaRequest {
  token: string;
  range?: string | undefined;
  ifRange?: string | undefined;
  ifNoneMatch?: string | undefined;
  /** HEAD: everything but the bytes. */
  headOnly: boolean;
}

export interface MediaAnswer {
  status: 200 | 206 | 304 | 404 | 410 | 416;
  headers: Record<string, string>;
  body?: Readable;
}

/** Nothing that a file holds may run where it is shown; a browser's own viewer of PDFs does not start in a sandbox. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'";
const NOT_FOUND: MediaAnswer = { status: 404, headers: { 'cache-control': 'no-store' } };

/** What a link to a file of ours answers. Sources: RFC 9110; Twilio, "Accepted MIME types" and its media guides. */
export class MediaLinks {
  constructor(
    private readonly store: MediaStore,
    private readonly secrets: LinkSecrets,
    private readonly now: () => number = Date.now,
  ) {}

  async answer(request: MediaRequest): Promise<MediaAnswer> {
    const token = await this.verified(request.token);
    if (!token) return NOT_FOUND;
    if (token.expiresAt * 1_000 <= this.now())
      return { status: 410, headers: { 'cache-control': 'no-store' } };
    const size = await this.store.size(token.key);
    if (size === undefined) return NOT_FOUND;

    const headers = this.describe(token);
    const etag = headers['etag'] ?? '';
    if (isListed(request.ifNoneMatch, etag)) return { status: 304, headers };
    const isCurrent = request.ifRange === undefined || request.ifRange === etag;
    const range = isCurrent && !request.headOnly ? byteRange(request.range, size) : 'whole';
    if (range === 'unsatisfiable') {
      return {
        status: 416,
        headers: { ...headers, 'content-range': `bytes */${size}`, 'content-length': '0' },
      };
    }
    const isPart = range !== 'whole';
    const length = isPart ? range.end - range.start + 1 : size;
    return {
      status: isPart ? 206 : 200,
      headers: {
        ...headers,
        'content-length': String(length),
        ...(isPart && { 'content-range': `bytes ${range.start}-${range.end}/${size}` }),
      },
      ...(!request.headOnly && { body: await this.store.read(token.key, isPart ? range : undefined) }),
    };
  }

  private async verified(token: string): Promise<MediaToken | undefined> {
    const found = verifyMediaToken(token, await this.secrets.all());
    if (found || !(await this.secrets.changed())) return found;
    return verifyMediaToken(token, await this.secrets.all());
  }

  private describe({ key, contentType, filename, expiresAt }: MediaToken): Record<string, string> {
    const leftSeconds = Math.max(0, Math.floor(expiresAt - this.now() / 1_000));
    return {
      'content-type': contentType,
      'content-disposition': disposition(filename, contentType),
      'accept-ranges': 'bytes',
      // A key's file never changes; the key itself is nobody's business.
      etag: `"${createHash('sha256').update(key).digest('hex').slice(0, 32)}"`,
      'cache-control': `private, max-age=${Math.min(leftSeconds, 86_400)}, immutable`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': bare(contentType) === 'application/pdf' ? POLICY : `${POLICY}; sandbox`,
      'referrer-policy': 'no-referrer',
      'x-robots-tag': 'noindex',
    };
  }
}

/** The plain name is for Twilio, the other one for people. */
function disposition(filename: string, contentType: string): string {
  const encoded = encodeURIComponent(filename.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `inline; filename="${shortFilename(filename, contentType)}"; filename*=UTF-8''${encoded}`;
}

function isListed(header: string | undefined, etag: string): boolean {
  return (header ?? '').split(',').some((each) => [etag, `W/${etag}`, '*'].includes(each.trim()));
}
