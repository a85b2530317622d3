import { Controller, Get, Head, Headers, Inject, Logger, Param, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Metrics } from '#platform';
import { MediaLinks, type MediaAnswer } from './media-links.js';

/** Files that are on their way at once; each holds one file or connection open and about 100 kB. */
export const MAX_DOWNLOADS = 256;
/** A reader that takes nothing for so long is let go, milliseconds. */
const IDLE_MS = 30_000;
/** Also where the store or the secret cannot be read: the link is good, and the next try may find the file. */
const BUSY = { status: 503, headers: { 'retry-after': '1', 'cache-control': 'no-store' }, body: undefined };

/** `GET` and `HEAD /media/{token}`: signed, expiring links. Whoever has one may read; nobody else learns anything. */
@ApiExcludeController()
@Controller('media')
export class MediaController {
  private readonly logger = new Logger('media');
  private downloads = 0;

  constructor(
    @Inject(MediaLinks) private readonly links: MediaLinks,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  @Head(':token')
  head(
    @Param('token') token: string,
    @Headers() headers: Record<string, string | undefined>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.serve(token, headers, reply, true);
  }

  @Get(':token')
  get(
    @Param('token') token: string,
    @Headers() headers: Record<string, string | undefined>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.serve(token, headers, reply, false);
  }

  private async serve(
    token: string,
    headers: Record<string, string | undefined>,
    reply: FastifyReply,
    headOnly: boolean,
  ): Promise<void> {
    const answer = await this.answer(token, headers, headOnly);
    this.metrics.mediaServed.inc({ status: String(answer.status) });
    const { body } = answer;
    if (reply.raw.destroyed) {
      body?.destroy();
      return;
    }
    if (body) {
      this.downloads += 1;
      reply.raw.once('close', () => {
        this.downloads -= 1;
      });
      reply.raw.setTimeout(IDLE_MS, () => reply.raw.destroy());
    }
    void reply.code(answer.status).headers(answer.headers).send(body);
  }

  private async answer(
    token: string,
    headers: Record<string, string | undefined>,
    headOnly: boolean,
  ): Promise<MediaAnswer | typeof BUSY> {
    if (this.downloads >= MAX_DOWNLOADS) return BUSY;
    try {
      return await this.links.answer({
        token,
        range: headers['range'],
        ifRange: headers['if-range'],
        ifNoneMatch: headers['if-none-match'],
        headOnly,
      });
    } catch (error) {
      this.logger.warn(`A file could not be read: ${error instanceof Error ? error.name : 'unknown'}.`);
      return BUSY;
    }
  }
}
