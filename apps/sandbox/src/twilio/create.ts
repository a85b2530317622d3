import type { Answer } from '../common/http.js';
import { segmentsOf, smartEncode } from './body.js';
import { type Content, render, variablesIn } from './content.js';
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
  content(sid: string): Content | undefined;
  /** Whether WhatsApp's window of the pair is open. */
  isOpen(from: string | null, serviceSid: string | null, to: string): boolean;
  isOptedOut(from: string, serviceSid: string | null, to: string): boolean;
  optOutCode: number;
  /** What is refused at once; else the message is accepted and fails. */
  atOnce: { optOut: boolean; window: boolean };
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
  const to = form.get('To') ?? '';
  const from = form.get('From');
  const template = rules.content(form.get('ContentSid') ?? '');
  const variables = variablesIn(form.get('ContentVariables')) ?? {};
  const shown = template && render(template, variables, isWhatsApp(to) ? 'whatsapp' : 'sms');
  // WhatsApp carries one medium and drops the others.
  const mediaUrls = form.getAll('MediaUrl').slice(0, isWhatsApp(to) ? 1 : undefined);
  const posted = shown?.rendered.body ?? form.get('Body') ?? '';
  const body = rules.smartEncoded || form.get('SmartEncoded') === 'true' ? smartEncode(posted) : posted;
  const closed = isWhatsApp(to) && !rules.isOpen(from, serviceSid, to) ? closedCode(template) : null;
  if (closed !== null && rules.atOnce.window) return twilioError(closed);
  const missing = shown !== undefined && shown.missing > 0;
  // WhatsApp's templates stand alone.
  const mixed = template !== undefined && isWhatsApp(to) && (form.has('Body') || mediaUrls.length > 0);
  const optedOut = rules.isOptedOut(from ?? '', serviceSid, to);
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
    mediaUrls,
    content: shown?.rendered ?? null,
    lateErrorCode: optedOut ? rules.optOutCode : (closed ?? (mixed ? 63030 : missing ? 63028 : null)),
  };
}

/** Outside the window: what an approved template is not stopped by. */
function closedCode(template: Content | undefined): number | null {
  switch (template?.approval.status) {
    case 'approved':
      return null;
    case 'rejected':
      return 63040;
    case 'paused':
      return 63041;
    case 'disabled':
      return 63042;
    default:
      return 63016;
  }
}

function refusal(form: URLSearchParams, rules: CreateRules): Answer | undefined {
  return addressRefusal(form, rules) ?? contentRefusal(form, rules) ?? optionRefusal(form);
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
  return rules.atOnce.optOut && rules.isOptedOut(from, serviceSid, to)
    ? twilioError(rules.optOutCode)
    : undefined;
}

function contentRefusal(form: URLSearchParams, rules: CreateRules): Answer | undefined {
  const body = form.get('Body') ?? '';
  const mediaUrls = form.getAll('MediaUrl');
  if (body === '' && mediaUrls.length === 0 && form.get('ContentSid') === null) return twilioError(21619);
  if (body.length > MAX_BODY_LENGTH) return twilioError(21617);
  if (mediaUrls.length > MAX_MEDIA) return twilioError(21623);
  if (mediaUrls.some((url) => !isHttpUrl(url))) return twilioError(21620);
  const [contentSid, variables] = [form.get('ContentSid'), form.get('ContentVariables')];
  if (contentSid === null) return variables === null ? undefined : twilioError(21654);
  if (rules.content(contentSid) === undefined) return twilioError(21655);
  return variablesIn(variables) === undefined ? twilioError(21656) : undefined;
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
