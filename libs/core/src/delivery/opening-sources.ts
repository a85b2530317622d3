import type { HistoryEntry, MessageContent } from '../content.js';
import { languageOf } from '../conversation/languages.js';
import { mergeDetails, type OpeningDetails } from '../conversation/opening-details.js';
import type { DeskAssignment, DeskUser, UserProperty } from '../ports/desk-port.js';
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

  /** Whom the conversation would be assigned to. Nobody outside is asked. */
  async assignment(lane: ClaimedLane, head: LaneHead): Promise<DeskAssignment | undefined> {
    const [before, reopenings] = await Promise.all([
      this.before(lane, head, 0),
      this.deps.store.reopenings(lane.lease.laneId),
    ]);
    const sources = [routingOf(lane), before].filter((one) => one !== undefined);
    return settledDetails({ sources, reopenings }, false).assignment;
  }

  async gather(lane: ClaimedLane, head: LaneHead): Promise<KnownBefore> {
    const { store, directory } = this.deps;
    const { number, customer } = lane;
    const { settings } = number;
    const reopenings = await store.reopenings(lane.lease.laneId);
    const [before, found, language] = await Promise.all([
      this.before(lane, head, MAX_RECENT),
      settings.directory &&
        directory?.lookUp({
          tenantId: lane.tenantId,
          directory: settings.directory,
          channel: number.channel,
          number: number.address,
          address: customer.address,
        }),
      settings.detectLanguage === true ? this.detected(head, reopenings) : undefined,
    ]);
    const sources = [
      { user: ofNumber(lane), ...routingOf(lane) },
      { user: ofChannel(lane, head.content, language) },
      before,
      found && { user: found },
      { user: inLanguage(customer.language) },
    ].filter((one) => one !== undefined);
    return { sources, reopenings };
  }

  /** The conversation that goes on, with so many of its messages. */
  private async before(
    lane: ClaimedLane,
    { messageId }: LaneHead,
    limit: number,
  ): Promise<OpeningDetails | undefined> {
    const withinMinutes = lane.number.settings.closing?.goOnMinutes;
    if (withinMinutes === undefined) return undefined;
    return this.deps.store.recentHistory(messageId, { withinMinutes, limit });
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

/** What the number says of it. */
function routingOf({ number }: ClaimedLane): Pick<OpeningDetails, 'queueId' | 'assignment'> {
  const { scriptId } = number.settings;
  if (scriptId !== undefined) return { assignment: { type: 'script', id: scriptId } };
  return number.queueId ? { queueId: number.queueId } : {};
}

function ofNumber({ number }: ClaimedLane): DeskUser {
  const { company, properties = {} } = number.settings.user ?? {};
  return {
    ...(company !== undefined && { company }),
    ...inLanguage(number.language),
    properties: Object.entries(properties).map(([key, value]) => ({ key, value })),
  };
}

/** What was stored before regions were taken as their languages may have one. */
function inLanguage(tag: string | undefined): Pick<DeskUser, 'language'> {
  const language = languageOf(tag);
  return language === undefined ? {} : { language };
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
