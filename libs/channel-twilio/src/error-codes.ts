import type { DeliveryErrorKind, HoldReason, LateOutcome, Remedy } from '#core';
import { REMEDIES } from './remedies.js';

/** What one of Twilio's error codes means to us. */
export interface TwilioErrorMeaning {
  code: number;
  /** Our own short name, the `code` of the `DeliveryError`. */
  name: string;
  /** Class when the code answers the create call with a 4xx: no message exists then. */
  sync: { kind: DeliveryErrorKind; hold?: HoldReason };
  /** Class when the code arrives in a status callback, after `submitted`. */
  late: LateOutcome;
  /** For operators and agents, in plain words. */
  text: string;
  /** What can be done about it, where there is something. */
  remedy?: Remedy;
}

type Sync = 'failed' | 'window' | 'configuration' | 'not-sent' | 'credentials' | 'uncertain';
type Row = readonly [
  codes: number | readonly number[],
  name: string,
  sync: Sync,
  late: LateOutcome,
  text: string,
];

/**
 * The one table. Held as `configuration` is what an operator can repair, after which the same call would succeed;
 * `not-sent` is what passes by itself; `failed` belongs to this message or recipient. Late, only a passing fault of
 * which Twilio says that nothing arrived is sent `once-more`.
 * Sources: https://www.twilio.com/docs/api/errors, https://www.twilio.com/docs/whatsapp/api/error-code-mapping
 */
const ROWS: readonly Row[] = [
  // Twilio could not use our webhooks: seen in its debugger, no verdict on a message of ours.
  [
    [11200, 11203, 11205, 11220],
    'callback-unreachable',
    'configuration',
    'failed',
    'Twilio could not reach our webhook.',
  ],
  [
    [11235, 11236, 11237],
    'callback-tls',
    'configuration',
    'failed',
    'Twilio does not trust our TLS certificate.',
  ],
  [[11770, 12100, 12300], 'callback-answer', 'configuration', 'failed', 'Twilio could not read our answer.'],
  [11751, 'media-too-large', 'failed', 'failed', 'The media is larger than the channel allows.'],
  [14107, 'reply-loop', 'not-sent', 'failed', 'Too many replies within 30 seconds; Twilio suspects a loop.'],

  // Account and REST API.
  [20003, 'credentials-refused', 'credentials', 'failed', 'Twilio refused our credentials.'],
  [20005, 'account-not-active', 'credentials', 'failed', 'The Twilio account is not active.'],
  [20404, 'resource-not-found', 'configuration', 'failed', 'Twilio does not know the account or resource.'],
  [20429, 'rate-limited', 'not-sent', 'once-more', 'Too many calls at once; nothing was sent.'],
  [[20500, 20503], 'provider-error', 'uncertain', 'once-more', 'Twilio had an internal error.'],

  // Refused at once: addresses, permissions, content.
  [21211, 'invalid-recipient', 'failed', 'failed', "The customer's address is not valid."],
  [[21212, 21606], 'invalid-sender', 'configuration', 'failed', 'Our number cannot send from this account.'],
  [21603, 'missing-sender', 'configuration', 'failed', 'No sender was given.'],
  [21408, 'region-not-permitted', 'configuration', 'failed', 'Sending to this region is not enabled.'],
  [21608, 'trial-recipient', 'configuration', 'failed', 'A trial account sends to verified numbers only.'],
  [21609, 'invalid-callback', 'configuration', 'failed', 'Twilio does not accept our PUBLIC_BASE_URL.'],
  [21610, 'opted-out', 'failed', 'failed', 'The customer has opted out of our messages.'],
  [21611, 'sender-queue-full', 'not-sent', 'once-more', 'The queue of our number is full.'],
  [21612, 'unreachable-route', 'failed', 'failed', 'Our number cannot reach this customer.'],
  [[21614, 21635], 'not-a-mobile', 'failed', 'failed', "The customer's number takes no text messages."],
  [21617, 'text-too-long', 'failed', 'failed', 'The text is longer than 1,600 characters.'],
  [21619, 'empty-message', 'failed', 'failed', 'The message is empty.'],
  [21620, 'invalid-media-url', 'failed', 'failed', 'The link to the media is malformed.'],
  [21623, 'too-many-media', 'failed', 'failed', 'The message has too many attachments.'],
  [[21654, 21655], 'invalid-template', 'failed', 'failed', 'The template is missing or unknown.'],
  [21656, 'invalid-template-variables', 'failed', 'failed', "The template's variables are malformed."],
  [21703, 'service-without-sender', 'configuration', 'failed', 'The Messaging Service has no sender.'],

  // SMS and MMS, mostly late.
  [30001, 'queue-overflow', 'not-sent', 'once-more', "Twilio's queue for our number overflowed."],
  [30002, 'account-suspended', 'credentials', 'failed', 'The Twilio account is suspended.'],
  [30003, 'unreachable-handset', 'not-sent', 'once-more', "The customer's phone is off or out of reach."],
  [30004, 'blocked', 'failed', 'failed', 'The customer or the carrier blocks our messages.'],
  [30005, 'unknown-handset', 'failed', 'failed', "The customer's number does not exist any more."],
  [30006, 'landline', 'failed', 'failed', 'The number is a landline, or its carrier is out of reach.'],
  [30007, 'filtered', 'failed', 'failed', 'A carrier or Twilio filtered the message by its content.'],
  [30008, 'unknown-carrier-error', 'not-sent', 'once-more', 'The carrier reported an unknown error.'],
  [30009, 'missing-segment', 'failed', 'failed', 'A piece of a long incoming message was lost on its way.'],
  [30010, 'price-too-high', 'failed', 'failed', 'The price is above the limit set.'],
  [30011, 'mms-unsupported', 'failed', 'failed', "The customer's carrier takes no media messages."],
  [30017, 'carrier-congested', 'not-sent', 'once-more', 'The carrier is congested.'],
  [30019, 'media-over-carrier-limit', 'failed', 'failed', 'The media is larger than the carrier allows.'],
  [30022, 'carrier-rate-limit', 'not-sent', 'once-more', 'We sent faster than the carrier allows.'],
  [[30023, 30027], 'daily-limit', 'not-sent', 'failed', "The carrier's daily limit is reached."],
  [[30024, 30035], 'sender-not-ready', 'configuration', 'failed', 'Our number is still being set up.'],
  [
    [30032, 30033, 30034],
    'sender-not-registered',
    'configuration',
    'failed',
    'Our number or campaign is not registered.',
  ],
  [30036, 'expired', 'failed', 'failed', 'The message was too old when its turn came.'],
  [30037, 'outbound-disabled', 'configuration', 'failed', 'Sending is disabled for the account.'],
  [30038, 'one-time-code-filtered', 'failed', 'failed', 'Filtered: it looks like a one-time code.'],
  [30039, 'filtered-loop', 'failed', 'failed', 'Filtered as part of an endless exchange of replies.'],
  [
    [30040, 30041, 30042],
    'sender-id-not-registered',
    'configuration',
    'failed',
    'The sender id is not registered.',
  ],
  [30045, 'invalid-validity', 'configuration', 'failed', 'The validity period is out of range.'],
  [30046, 'delivery-not-confirmed', 'failed', 'failed', 'Delivery was never confirmed; it may have arrived.'],
  // Twilio does not retry this one lest it arrives twice; neither do we: the agent is told and decides.
  [30410, 'carrier-timeout', 'uncertain', 'failed', 'The carrier did not answer; it may have arrived.'],
  [
    [30450, 30451, 30452, 30453, 30454],
    'sender-restricted',
    'configuration',
    'failed',
    'Our number is restricted.',
  ],
  [30500, 'provider-error', 'not-sent', 'once-more', 'Twilio had an internal error.'],
  [30630, 'opted-out', 'failed', 'failed', 'The customer has unsubscribed.'],

  // WhatsApp and other channels.
  [63001, 'channel-credentials', 'configuration', 'failed', 'The channel refused our sender.'],
  [63003, 'recipient-not-on-channel', 'failed', 'failed', 'The customer is not on this channel.'],
  [63005, 'content-rejected', 'failed', 'failed', 'The channel rejected the content.'],
  [63007, 'sender-not-on-channel', 'configuration', 'failed', 'Our number is not set up on this channel.'],
  [63008, 'channel-misconfigured', 'configuration', 'failed', 'The channel is not set up correctly.'],
  [[63009, 63010, 63012], 'channel-error', 'not-sent', 'once-more', 'The channel had an internal error.'],
  [63013, 'policy-violation', 'failed', 'failed', "The message violates the channel's policy."],
  [63014, 'blocked', 'failed', 'failed', 'The customer blocks our messages.'],
  [63015, 'sandbox-not-joined', 'failed', 'failed', "The customer has not joined Twilio's WhatsApp sandbox."],
  [63016, 'outside-window', 'window', 'held-window', 'The customer has not written within 24 hours.'],
  [[63017, 63018], 'channel-rate-limit', 'not-sent', 'once-more', 'We sent faster than the channel allows.'],
  [63019, 'media-download-failed', 'not-sent', 'once-more', 'The channel could not download the media.'],
  [
    [63020, 63022],
    'channel-misconfigured',
    'configuration',
    'failed',
    'Our business account needs attention.',
  ],
  [63021, 'invalid-content', 'failed', 'failed', 'The channel does not accept this content.'],
  [63023, 'channel-error', 'not-sent', 'once-more', 'The channel reported a general error.'],
  [63024, 'invalid-recipient', 'failed', 'failed', "The customer's address is not valid on this channel."],
  [[63025, 63037], 'media-upload', 'failed', 'failed', 'The channel could not take the media.'],
  [63026, 'flagged-as-spam', 'failed', 'failed', 'The channel took the message for spam.'],
  [
    [63027, 63028],
    'template-mismatch',
    'configuration',
    'failed',
    'The template or its variables are wrong.',
  ],
  [63030, 'unsupported-parameter', 'failed', 'failed', 'The channel does not support this kind of message.'],
  [63031, 'same-sender-and-recipient', 'failed', 'failed', 'Sender and recipient are the same.'],
  [63032, 'recipient-in-experiment', 'failed', 'failed', "The customer is in one of Meta's experiments."],
  // Of the channel's own doing: no START undoes it.
  [[63033, 63050], 'opted-out-of-channel', 'failed', 'failed', 'The customer does not want our messages.'],
  [63034, 'media-too-large', 'failed', 'failed', 'The media is larger than the channel allows.'],
  [63038, 'daily-limit', 'not-sent', 'failed', 'The daily limit of messages is reached.'],
  [
    [63040, 63041, 63042],
    'template-unavailable',
    'configuration',
    'failed',
    'The template is rejected, paused or disabled.',
  ],
  [63049, 'not-delivered-by-meta', 'failed', 'failed', 'Meta chose not to deliver this marketing message.'],
  [63051, 'sender-locked', 'configuration', 'failed', 'Our sender is locked.'],
  [63053, 'template-syncing', 'not-sent', 'once-more', 'The template will be ready within ten minutes.'],
  [63054, 'template-unavailable', 'configuration', 'failed', 'The template is not available.'],
  [63058, 'country-restricted', 'configuration', 'failed', 'Sending to this country is restricted.'],
  [63059, 'sender-moved', 'configuration', 'failed', 'Our number has moved to another business account.'],
];

/** Every code we know, by code. */
export const TWILIO_ERRORS: ReadonlyMap<number, TwilioErrorMeaning> = new Map(
  ROWS.flatMap(([codes, name, sync, late, text]) =>
    [codes].flat().map((code) => {
      const remedy = REMEDIES.get(code);
      return [code, { code, name, sync: classOf(sync), late, text, ...(remedy && { remedy }) }] as const;
    }),
  ),
);

function classOf(sync: Sync): TwilioErrorMeaning['sync'] {
  return sync === 'window' || sync === 'configuration' ? { kind: 'held', hold: sync } : { kind: sync };
}

/** The meaning of a code as it stands in a body or callback; undefined for one that the table lacks. */
export function meaningOf(providerCode: string | undefined): TwilioErrorMeaning | undefined {
  return providerCode !== undefined && /^\d{1,6}$/.test(providerCode)
    ? TWILIO_ERRORS.get(Number(providerCode))
    : undefined;
}

/** What a late failure means. Unknown or no code: final, so that nothing unknown is ever sent twice. */
export function lateOutcome(providerCode: string | undefined): LateOutcome {
  return meaningOf(providerCode)?.late ?? 'failed';
}
