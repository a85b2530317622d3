import type { Interactive, PartContent } from '../content.js';
import { DeliveryError } from '../delivery-error.js';
import type { ContentKey, ContentTemplates } from './content-templates.js';
import type { DeliveryDependencies, Step } from './delivery.js';
import type { HeadDelivery } from './head-delivery.js';
import type { ClaimedLane, LaneHead, StoredPart } from './lane-store.js';
import { callThrough, intended } from './provider-gate.js';

/** The code of the channel's refusal of content that was made before. */
export const CONTENT_UNKNOWN = 'content-unknown';
/** Failures in a row, or refusals of what was made, before choices go out in plain words. */
const MAX_FAILURES = 3;
const MAX_UNKNOWN = 2;

/** Choices in the channel's own form, which may have to be made at its provider before it can be sent. */
export class Offering {
  constructor(
    private readonly deps: DeliveryDependencies,
    private readonly heads: HeadDelivery,
  ) {}

  /**
   * What the part is sent as. Made once for all parts that show the same; where the provider will not have it, or cannot now,
   * the text says it all.
   */
  async ready(lane: ClaimedLane, head: LaneHead, { n, content }: StoredPart): Promise<PartContent | Step> {
    const { interactive } = content;
    if (content.choices) await this.deps.store.offered(lane.threadId);
    const key = interactive && this.keyOf(lane, interactive);
    const unknown = head.attempts.filter((one) => one.partN === n && one.errorCode === CONTENT_UNKNOWN);
    if (!key || unknown.length >= MAX_UNKNOWN) return content;
    const known = await this.deps.templates?.find(key);
    const sid = known ?? (await this.make(lane, head, interactive, key));
    if (typeof sid === 'object') return sid.step;
    return sid === undefined ? content : { ...content, content: { sid } };
  }

  /** Sends it; content that has gone at the provider is made anew before the next attempt. */
  async send<T>(
    lane: ClaimedLane,
    { interactive, content }: PartContent,
    call: () => Promise<T>,
  ): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const key = interactive && this.keyOf(lane, interactive);
      if (key && content && error instanceof DeliveryError && error.code === CONTENT_UNKNOWN) {
        await this.deps.templates?.forget(key, content.sid);
      }
      throw error;
    }
  }

  private keyOf(lane: ClaimedLane, interactive: Interactive): ContentKey | undefined {
    const digest = this.deps.templates && this.deps.channel.contentDigest?.(interactive);
    return digest === undefined
      ? undefined
      : { tenantId: lane.tenantId, account: lane.number.account, digest };
  }

  private async make(
    lane: ClaimedLane,
    head: LaneHead,
    interactive: Interactive,
    key: ContentKey,
  ): Promise<string | { step: Step } | undefined> {
    const { channel, store, options } = this.deps;
    const permit = await this.heads.enter(lane, head, 'create', 'channel');
    if (typeof permit === 'string') return { step: permit };
    if (!(await intended(permit, store.renew(lane.lease, options.leaseMs)))) return { step: 'lost' };
    const request = { account: lane.number.account, interactive };
    try {
      const sid = await callThrough(permit, async () =>
        channel.createContent?.(request, { timeoutMs: options.sendTimeoutMs }),
      );
      if (sid !== undefined) await (this.deps.templates as ContentTemplates).store(key, sid);
      return sid;
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      if (error.kind === 'failed' || lane.failures >= MAX_FAILURES) return undefined;
      throw error;
    }
  }
}
