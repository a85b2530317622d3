import type { Channel, MessageContext, OptOutKeyword } from '#core';
import { first, single } from './form.js';
import type { FormParameters } from './form.js';
import { jsonObject, objectOf } from './json-parameter.js';

export const MESSAGE_SID = /^(?:SM|MM)[0-9a-fA-F]{32}$/;

/**
 * What Twilio takes for a keyword where its Advanced Opt-Out does not say so itself: whole messages, in any case.
 * Source: https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
 */
const KEYWORDS: ReadonlyMap<string, OptOutKeyword> = new Map([
  ...words('stop', 'stop stopall unsubscribe end quit cancel revoke optout'),
  ...words('start', 'start unstop yes'),
  ...words('help', 'help info'),
]);
const LONGEST_KEYWORD = 40;

function words(keyword: OptOutKeyword, list: string): [string, OptOutKeyword][] {
  return list.split(' ').map((word) => [word, keyword]);
}

/** What a customer's message says beside its content; undefined where it says nothing. Never throws. */
export function contextOf(form: FormParameters, channel: Channel): MessageContext | undefined {
  const repliedTo = repliedToOf(form);
  const forwarded = forwardedOf(form);
  const referral = referralOf(form);
  const keyword = keywordOf(form, channel);
  const context: MessageContext = {
    ...(repliedTo && { repliedTo }),
    ...(forwarded && { forwarded }),
    ...(referral && { referral }),
    ...(keyword && { keyword }),
  };
  return Object.keys(context).length > 0 ? context : undefined;
}

function repliedToOf(form: FormParameters): MessageContext['repliedTo'] {
  const providerMessageId = single(form, 'OriginalRepliedMessageSid');
  if (providerMessageId === undefined || !MESSAGE_SID.test(providerMessageId)) return undefined;
  const sender = single(form, 'OriginalRepliedMessageSender');
  return { providerMessageId, ...(sender !== undefined && { sender }) };
}

function forwardedOf(form: FormParameters): MessageContext['forwarded'] {
  const context = objectOf(objectOf(jsonObject(single(form, 'ChannelMetadata'))['data'])['context']);
  const says = (name: string) => isTrue(single(form, name)) || isTrue(context[name]);
  if (says('FrequentlyForwarded')) return 'often';
  return says('Forwarded') ? 'once' : undefined;
}

function isTrue(value: unknown): boolean {
  return value === true || (typeof value === 'string' && value.toLowerCase() === 'true');
}

function referralOf(form: FormParameters): MessageContext['referral'] {
  const fields = {
    headline: single(form, 'ReferralHeadline'),
    body: single(form, 'ReferralBody'),
    url: single(form, 'ReferralSourceUrl'),
    sourceType: single(form, 'ReferralSourceType'),
    sourceId: single(form, 'ReferralSourceId'),
  };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return given.length > 0 ? Object.fromEntries(given) : undefined;
}

/** Twilio's own word counts; without it only texts are matched, since its defaults are those of phone numbers. */
function keywordOf(form: FormParameters, channel: Channel): OptOutKeyword | undefined {
  const said = single(form, 'OptOutType')?.toLowerCase();
  if (said === 'stop' || said === 'start' || said === 'help') return said;
  const body = first(form, 'Body') ?? '';
  if (channel !== 'sms' || body.length > LONGEST_KEYWORD) return undefined;
  return KEYWORDS.get(body.trim().toLowerCase());
}
