import { RateLimiterMemory } from 'rate-limiter-flexible';

/** Slower than this, messages are spaced evenly; faster ones may come in bursts within a second. */
const EVEN_BELOW_PER_SECOND = 10;

/** What each number has sent lately, in this worker. */
export class SenderRates {
  private readonly limiter = new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration: 1 });

  /** Takes one message of a number that may send `perSecond`; answers the milliseconds to wait when it has sent enough. */
  async take(number: string, perSecond: number): Promise<number> {
    const isEven = perSecond < EVEN_BELOW_PER_SECOND;
    const points = isEven ? 1 : Math.floor(perSecond);
    const { consumedPoints, msBeforeNext } = await this.limiter.consume(number, 1, {
      customDuration: isEven ? Math.ceil(1_000 / perSecond) / 1_000 : 1,
    });
    return consumedPoints <= points ? 0 : Math.max(1, msBeforeNext);
  }
}
