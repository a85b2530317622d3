import type { HistoryEntry, MessageContent } from '../content.js';
import { isLanguage } from '../conversation/languages.js';
import { mergeDetails, type OpeningDetails } from '../conversation/opening-details.js';
import type { DeskUser, UserProperty } from '../ports/desk-port.js';
import type { DeliveryDependencies } from './delivery.js';
import { botHistory } from './handed-over.js';
import type { ClaimedLane, LaneHead, Reopening } from './lane-store.js';

/** Of what was said before, when a customer goes on. */
const MAX_RECENT = 50;
/** Of the words whose language is to be told; more say nothing new. */
const MAX_WORDS = 1_000;
/** Of one property that an advertisement fills, in characters. */
const MAX_REFERRAL = 300;

/** What is known of a conversation before it is created, as far as it does not change from one attempt to the next. */
export interface KnownBefore {
  /** The later outrank the earlier. */
  sources: OpeningDetails[];
  reopenings: Reopening[];
}

/** Everybody who knows something of a customer, asked before their conversation is created. */
export class OpeningSources {
  constructor(private readonly deps: Pick<DeliveryDependencies, 'store' | 'directory' | 'languages'>) {}

  async gather(lane: ClaimedLane, head: LaneHead): Promise<KnownBefore> {
    const { store, directory } = this.deps;
    const { number, customer } = lane;
    const { settings } = number;
    const goOnMinutes = settings.closing?.goOnMinutes;
    const reopenings = await store.reopenings(lane.lease.laneId);
    const [before, found, language] = await Promise.all([
      goOnMinutes === undefined
        ? undefined
        : store.recentHistory(head.messageId, { withinMinutes: goOnMinutes, limit: MAX_RECENT }),
      settings.directory &&
        directory?.lookUp({
          directory: settings.directory,
          channel: number.channel,
          number: number.address,
          address: customer.address,
        }),
      settings.detectLanguage === true ? this.detected(head, reopenings) : undefined,
    ]);
    const sources = [
      { user: ofNumber(lane), ...(number.queueId && { queueId: number.queueId }) },
      { user: ofChannel(lane, head.content, language) },
      before,
      found && { user: found },
      isLanguage(customer.language) ? { user: { language: customer.language } } : undefined,
    ].filter((one) => one !== undefined);
    return { sources, reopenings };
  }

  private detected(head: LaneHead, reopenings: Reopening[]) {
    const words = [
      ...reopenings.flatMap(({ details }) => details.history ?? []).filter(isCustomers),
      head.content,
    ]
      .flatMap((one) => ('text' in one && one.text !== undefined ? [one.text] : []))
      .join('\n');
    return this.deps.languages?.detect(words.slice(0, MAX_WORDS));
  }
}

/** All of it, as one create carries it. `withIds`: files of a bot's history by the ids that the desk is said to know. */
export function settledDetails({ sources, reopenings }: KnownBefore, withIds: boolean): OpeningDetails {
  const handed = reopenings.map(({ details }) => ({
    ...details,
    ...(details.history && { history: botHistory(details.history, withIds) }),
  }));
  return mergeDetails(...sources, ...handed);
}

function isCustomers({ authorType }: HistoryEntry): boolean {
  return authorType === 'user';
}

function ofNumber({ number }: ClaimedLane): DeskUser {
  const { company, properties = {} } = number.settings.user ?? {};
  return {
    ...(company !== undefined && { company }),
    ...(isLanguage(number.language) && { language: number.language }),
    properties: Object.entries(properties).map(([key, value]) => ({ key, value })),
  };
}

function ofChannel(
  { customer }: ClaimedLane,
  content: MessageContent,
  language: string | undefined,
): DeskUser {
  return {
    ...(customer.name && { name: customer.name }),
    ...phoneOf(customer.address),
    ...(language !== undefined && { language }),
    properties: referralOf(content),
  };
}

/** The number to show an agent: a business-scoped id is none. */
function phoneOf(address: string): { phone?: string } {
  const number = address.replace(/^whatsapp:/, '');
  return number.startsWith('+') ? { phone: number } : {};
}

/** The advertisement or post that led the customer here. */
function referralOf({ context }: MessageContent): UserProperty[] {
  const { headline, body, url, sourceType, sourceId } = context?.referral ?? {};
  const source = [sourceType, sourceId].filter(Boolean).join(' ');
  return Object.entries({
    Referral: headline ?? body,
    'Referral URL': url,
    'Referral source': source,
  }).flatMap(([key, value]) =>
    value ? [{ key, value: Array.from(value).slice(0, MAX_REFERRAL).join('') }] : [],
  );
}
