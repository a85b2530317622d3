import type { Channel } from '#core';
import { ProblemException } from '#platform';
import type { OperatorApiOptions } from './options.js';

/** The Twilio account that a number is to belong to: the main one where none is said. Throws {@link ProblemException}. */
export function accountOf(
  wanted: string | null | undefined,
  { twilioAccountSid, twilioSubaccountSids = [] }: OperatorApiOptions,
): string {
  const accountSid = wanted ?? twilioAccountSid;
  if (accountSid === twilioAccountSid || twilioSubaccountSids.includes(accountSid)) return accountSid;
  const message = 'accountSid must be the account in TWILIO_ACCOUNT_SID or one in TWILIO_SUBACCOUNTS';
  throw new ProblemException(400, {
    detail: 'Some fields are not as they should be.',
    errors: [{ field: 'accountSid', message }],
  });
}

export function channelOf(address: string): Channel {
  return address.startsWith('whatsapp:') ? 'whatsapp' : 'sms';
}
