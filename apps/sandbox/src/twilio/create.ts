import type { Answer } from '../common/http.js';
import { segmentsOf, smartEncode } from './body.js';
import { twilioError } from './errors.js';
import { isWhatsApp, newSid, type StoredMessage } from './messages.js';

/** What decides whether a create is accepted. */
export interface CreateRules {
  accountSid: string;
  /** Our numbers; none = every `From` is one. */
  numbers: readonly string[];
  /** Pool per Messaging Service; none = every service exists and sends from the first number. */
  messagingServices: Readonly<Record<string, readonly string[]>>;
  magicNumbers: boolean;
  smartEncoded: boolean;
  isOptedOut(from: string, to: string): boolean;
}

/** Test numbers that fail. Source: https://www.twilio.com/docs/iam/test-credentials */
const MAGIC_FROM: Record<string, number> = {
  '+15005550001': 21212,
  '+15005550007': 21606,
  '+15005550008': 21611,
};
const MAGIC_TO: Record<string, number> = {
  '+15005550001': 21211,
  '+15005550002': 21612,
  '+15005550003': 21408,
  '+15005550004': 21610,
  '+15005550009': 21614,
};
const MAGIC_SENDER = '+15005550006';

const PHONE = /^\+[1-9]\d{6,14}$/;
/** A WhatsApp number, or a business-scoped user id (`US.13491208655302741918`). */
const WHATSAPP = /^whatsapp:(\+[1-9]\d{6,14}|[A-Z]{2}\.[A-Za-z0-9.]{1,134})$/;
const MAX_BODY_LENGTH = 1600;
const MAX_MEDIA = 10;

/** The message a create makes, or the answer that refuses it. Nothing is stored here. */
export function messageFrom(form: URLSearchParams, rules: CreateRules): StoredMessage | Answer {
  const refused = refusal(form, rules);
  if (refused !== undefined) return refused;
  const now = Date.now();
  const serviceSid = form.get('MessagingServiceSid');
  const mediaUrls = form.getAll('MediaUrl');
  const posted = form.get('Body') ?? '';
  const body = rules.smartEncoded || form.get('SmartEncoded') === 'true' ? smartEncode(posted) : posted;
  const to = form.get('To') ?? '';
  const from = form.get('From');
  return {
    sid: newSid(mediaUrls.length > 0 ? 'MM' : 'SM'),
    accountSid: rules.accountSid,
    messagingServiceSid: serviceSid,
    // A service picks its sender later.
    from,
    to,
    body,
    numMedia: mediaUrls.length,
    media: [],
    direction: 'outbound-api',
    status: serviceSid === null ? 'queued' : 'accepted',
    errorCode: null,
    createdAtMs: now,
    sentAtMs: null,
    updatedAtMs: now,
    numSegments: from === null ? 0 : isWhatsApp(to) ? 1 : segmentsOf(body),
    statusCallback: form.get('StatusCallback'),
  };
}

function refusal(form: URLSearchParams, rules: CreateRules): Answer | undefined {
  return addressRefusal(form, rules) ?? contentRefusal(form) ?? optionRefusal(form);
}

function addressRefusal(form: URLSearchParams, rules: CreateRules): Answer | undefined {
  const to = form.get('To') ?? '';
  const from = form.get('From') ?? '';
  const serviceSid = form.get('MessagingServiceSid');
  if (to === '') return twilioError(21604);
  if (from === '' && serviceSid === null) return twilioError(21603);
  if (rules.magicNumbers) {
    const code = MAGIC_FROM[from] ?? MAGIC_TO[to];
    if (code !== undefined) return twilioError(code);
  }
  if (!(isWhatsApp(to) ? WHATSAPP : PHONE).test(to)) {
    return twilioError(21211, `The 'To' number ${to} is not a valid phone number.`);
  }
  if (from !== '') {
    if (isWhatsApp(from) !== isWhatsApp(to)) return twilioError(21910);
    const known = rules.numbers.length === 0 || rules.numbers.includes(from);
    if (!known && !(rules.magicNumbers && from === MAGIC_SENDER))
      return twilioError(isWhatsApp(from) ? 63007 : 21606);
  } else if (serviceSid !== null) {
    const pool = rules.messagingServices[serviceSid];
    if (Object.keys(rules.messagingServices).length > 0 && pool === undefined) {
      return twilioError(20404, `The requested resource ${serviceSid} was not found`);
    }
    if (pool?.length === 0) return twilioError(21703);
  }
  return rules.isOptedOut(from, to) ? twilioError(21610) : undefined;
}

function contentRefusal(form: URLSearchParams): Answer | undefined {
  const body = form.get('Body') ?? '';
  const mediaUrls = form.getAll('MediaUrl');
  if (body === '' && mediaUrls.length === 0 && form.get('ContentSid') === null) return twilioError(21619);
  if (body.length > MAX_BODY_LENGTH) return twilioError(21617);
  if (mediaUrls.length > MAX_MEDIA) return twilioError(21623);
  if (mediaUrls.some((url) => !isHttpUrl(url))) return twilioError(21620);
  const variables = form.get('ContentVariables');
  if (variables === null) return undefined;
  if (form.get('ContentSid') === null) return twilioError(21654);
  try {
    JSON.parse(variables);
    return undefined;
  } catch {
    return twilioError(21656);
  }
}

function optionRefusal(form: URLSearchParams): Answer | undefined {
  const callback = form.get('StatusCallback');
  if (callback !== null && callback !== '' && !isHttpUrl(callback)) return twilioError(21609);
  const validity = form.get('ValidityPeriod');
  if (validity !== null) {
    const seconds = Number(validity);
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > 36_000) return twilioError(30045);
  }
  return undefined;
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && !url.hostname.includes('_');
}
