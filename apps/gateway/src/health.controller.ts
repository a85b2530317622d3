import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { isReady, Metrics } from '#platform';
import { Backends } from './backends.js';

interface Reply {
  code(status: number): Reply;
  send(body: unknown): unknown;
}

/** Liveness, readiness and metrics. Ready means that Postgres is reachable and migrated, nothing else. */
@ApiExcludeController()
@Controller()
export class HealthController {
  constructor(
    @Inject(Backends) private readonly backends: Backends,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  @Get('health/live')
  @Header('cache-control', 'no-store')
  live(): { status: string } {
    return { status: 'ok' };
  }

  @Get('health/ready')
  @Header('cache-control', 'no-store')
  async ready(@Res() reply: Reply): Promise<void> {
    const ready = await isReady(() => this.backends.ready());
    reply.code(ready ? 200 : 503).send({ status: ready ? 'ok' : 'unavailable' });
  }

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  render(): Promise<string> {
    return this.metrics.render();
  }
}
