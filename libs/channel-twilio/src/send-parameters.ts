import type { PartContent, SenderNumber, SendPart } from '#core';
import { isAlterable } from './look-up.js';

/** An address that is a Messaging Service's id. */
export const SERVICE_SID = /^MG[0-9a-fA-F]{32}$/;
const MAX_VALIDITY_SECONDS = 36_000;
const MIN_VALIDITY_SECONDS = 10;

/**
 * What a part is created with.
 * Source: https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
 */
export function sendParameters(
  { number, to, part, mediaUrls, attempt, expiresInMs }: SendPart,
  publicBaseUrl: string,
) {
  return {
    to,
    ...senderOf(number),
    ...(expiresInMs !== undefined && { validityPeriod: validitySeconds(expiresInMs) }),
    ...(isAlterable(part, number) && { smartEncoded: true }),
    ...(part.content ? contentOf(part.content) : bodyOf(part, mediaUrls)),
    statusCallback: `${publicBaseUrl.replace(/\/+$/, '')}/webhooks/twilio/status?m=${attempt.messageId}&a=${attempt.attemptId}`,
  };
}

/**
 * With both, the service's settings apply and the customer still sees the number they wrote to. An address that is
 * itself a service's id names no number, so the service picks one.
 */
function senderOf({ address, messagingServiceSid }: SenderNumber): {
  from?: string;
  messagingServiceSid?: string;
} {
  if (SERVICE_SID.test(address)) return { messagingServiceSid: address };
  return { from: address, ...(messagingServiceSid !== undefined && { messagingServiceSid }) };
}

/** Twilio gives a message up that it could not pass on for so long; shorter periods than this fail in its own queue. */
function validitySeconds(expiresInMs: number): number {
  return Math.min(MAX_VALIDITY_SECONDS, Math.max(MIN_VALIDITY_SECONDS, Math.ceil(expiresInMs / 1_000)));
}

function bodyOf({ text, location }: PartContent, mediaUrls: string[] = []) {
  const place = location && `geo:${location.latitude},${location.longitude}`;
  return {
    ...(text !== undefined && { body: text }),
    ...(mediaUrls.length > 0 && { mediaUrl: mediaUrls }),
    ...(place && { persistentAction: [location.label ? `${place}|${location.label}` : place] }),
  };
}

function contentOf({ sid, variables }: NonNullable<PartContent['content']>) {
  return {
    contentSid: sid,
    ...(variables && { contentVariables: JSON.stringify(variables) }),
  };
}
