import { randomBytes } from 'node:crypto';
import { ACCOUNT_SID, PATH, sign } from './hmac.js';

/** A request ready to be written to a socket. */
export interface SignedRequest {
  sid: string;
  bytes: Buffer;
}

const KNOWN_SENDERS = 500;
/** One message in so many comes from somebody who never wrote before. */
const NEW_SENDER_EVERY = 50;
export const BUSINESS_NUMBER = '+15550100';

let messages = 0;
let newSenders = 0;
const run = randomBytes(6).toString('hex');

/** `count` distinct texts to one business number as Twilio sends them, signed before any clock runs. */
export function makeRequests(count: number): SignedRequest[] {
  return Array.from({ length: count }, () => {
    messages += 1;
    return signedRequest(sender(), messages);
  });
}

/** One text of every known sender: afterwards they are known. */
export function introductions(): SignedRequest[] {
  return Array.from({ length: KNOWN_SENDERS }, (_, n) => {
    messages += 1;
    return signedRequest(known(n), messages);
  });
}

/** So many texts of one known sender, in the order of their numbers. */
export function textsOf(sender: number, count: number): SignedRequest[] {
  return Array.from({ length: count }, () => {
    messages += 1;
    return signedRequest(known(sender), messages);
  });
}

function sender(): string {
  if (messages % NEW_SENDER_EVERY !== 0) return known(Math.floor(Math.random() * KNOWN_SENDERS));
  newSenders += 1;
  return `+1556${String(newSenders).padStart(7, '0')}`;
}

function known(n: number): string {
  return `+1555100${String(n).padStart(4, '0')}`;
}

function signedRequest(from: string, n: number): SignedRequest {
  const sid = `SM${run}${n.toString(16).padStart(20, '0')}`;
  const form = new URLSearchParams({
    ToCountry: 'US',
    ToState: 'CA',
    SmsMessageSid: sid,
    NumMedia: '0',
    ToCity: '',
    FromZip: '10001',
    SmsSid: sid,
    FromState: 'NY',
    SmsStatus: 'received',
    FromCity: 'NEW YORK',
    Body: `Hello, is my order no. ${n} on its way? Danke schön`,
    FromCountry: 'US',
    To: BUSINESS_NUMBER,
    ToZip: '',
    NumSegments: '1',
    MessageSid: sid,
    AccountSid: ACCOUNT_SID,
    From: from,
    ApiVersion: '2010-04-01',
  });
  const body = form.toString();
  const head = [
    `POST ${PATH} HTTP/1.1`,
    'Host: benchmark.invalid',
    'User-Agent: TwilioProxy/1.1',
    'Accept: */*',
    'Content-Type: application/x-www-form-urlencoded; charset=UTF-8',
    `X-Twilio-Signature: ${sign(form)}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    '',
  ].join('\r\n');
  return { sid, bytes: Buffer.from(head + body) };
}
