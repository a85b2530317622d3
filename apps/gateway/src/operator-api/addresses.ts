import type { Channel } from '#core';
import { ProblemException } from '#platform';
import type { OperatorApiOptions } from './options.js';

/** The Twilio account that a number is to belong to, the main one where none is said, and whose it is. Throws {@link ProblemException}. */
export function accountOf(
  wanted: string | null | undefined,
  { twilioAccountSid, tenants }: OperatorApiOptions,
): { accountSid: string; tenantId: string } {
  const accountSid = wanted ?? twilioAccountSid;
  const tenant = tenants.ofTwilioAccount(accountSid);
  if (tenant) return { accountSid, tenantId: tenant.id };
  const message = 'accountSid must be the account in TWILIO_ACCOUNT_SID or one in TWILIO_SUBACCOUNTS';
  throw new ProblemException(400, {
    detail: 'Some fields are not as they should be.',
    errors: [{ field: 'accountSid', message }],
  });
}

export function channelOf(address: string): Channel {
  return address.startsWith('whatsapp:') ? 'whatsapp' : 'sms';
}
