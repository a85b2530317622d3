import type { MessageContext } from '#core';
import { first, single } from './form.js';
import type { FormParameters } from './form.js';
import { jsonObject, objectOf } from './json-parameter.js';
import { keywordOf } from './keywords.js';

export const MESSAGE_SID = /^(?:SM|MM)[0-9a-fA-F]{32}$/;

/** What a customer's message says beside its content; undefined where it says nothing. Never throws. */
export function contextOf(form: FormParameters, to: string): MessageContext | undefined {
  const repliedTo = repliedToOf(form);
  const forwarded = forwardedOf(form);
  const referral = referralOf(form);
  const keyword = keywordOf(to, single(form, 'OptOutType'), first(form, 'Body'));
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
