import { ProvisioningError, type ProvisioningErrorCode, type TwilioProvisioning } from '#channel-twilio';
import type { BusinessNumber } from '#persistence';
import { check, clockCheck, fail, ok, skipped, warn, type Check, type Within } from './check.js';

const REMEDIES: Partial<Record<ProvisioningErrorCode, string>> = {
  'bad-credentials':
    "Set TWILIO_AUTH_TOKEN (or TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET) to what Twilio's Console shows, restart gateways and workers.",
  'no-permission': 'Give the API key the right to read numbers, services and senders, or use the auth token.',
  refused: 'Set TWILIO_API_BASE_URL to https://api.twilio.com.',
  'not-available':
    'See that this machine may reach TWILIO_API_BASE_URL: name, proxy, firewall. It may be down, too.',
  'unsuitable-url': 'Set PUBLIC_BASE_URL to an https address that is reached from the internet.',
  'unknown-address': 'See in the Console whose number it is; set its accountSid, or buy it.',
  'other-account': 'Add its account to TWILIO_SUBACCOUNTS.',
};

export interface TwilioLook {
  checks: Check[];
  /** Accounts that do not take our calls. */
  refusing: ReadonlySet<string>;
}

/** Credentials of each account, the tokens that sign webhooks, and the clock. */
export async function twilioChecks(
  twilio: TwilioProvisioning,
  accounts: readonly string[],
  within: Within,
  now: () => number,
): Promise<TwilioLook> {
  const refusing = new Set<string>();
  const looks = await Promise.all(
    accounts.map(async (account, index) => {
      const main = index === 0;
      const of = ['twilio-key', main ? 'Twilio credentials' : `Twilio credentials of ${account}`] as const;
      const startedAt = now();
      try {
        const { date } = await twilio.probe(account, within());
        const clock = { date, now: now(), elapsedMs: now() - startedAt };
        return [
          check(...of, ok('They are taken.')),
          ...(main
            ? [clockCheck('twilio-clock', 'Twilio clock', clock), await tokensCheck(twilio, within)]
            : []),
        ];
      } catch (error) {
        refusing.add(account);
        const waiting = skipped('Twilio has to take our calls first.');
        return [
          check(...of, failureOf(error)),
          ...(main
            ? [
                check('twilio-clock', 'Twilio clock', waiting),
                check('twilio-token', 'Twilio auth token', waiting),
              ]
            : []),
        ];
      }
    }),
  );
  return { checks: looks.flat(), refusing };
}

async function tokensCheck(twilio: TwilioProvisioning, within: Within): Promise<Check> {
  const tokens = ['twilio-token', 'Twilio auth token'] as const;
  try {
    const { taken, of } = await twilio.tokensTaken(within());
    if (taken === of) return check(...tokens, ok('Twilio takes it: its webhooks can be verified.'));
    if (taken > 0) {
      const finding = `Twilio takes ${taken} of the ${of} in TWILIO_AUTH_TOKEN.`;
      return check(...tokens, warn(finding, 'Once a rotation is over, take the old one out.'));
    }
    const remedy =
      "Set TWILIO_AUTH_TOKEN to the account's, restart the gateways: every webhook is refused until then.";
    return check(...tokens, fail('Twilio does not take it, so it does not sign with it.', remedy));
  } catch (error) {
    return check(...tokens, failureOf(error));
  }
}

/** Whether the number leads to us. */
export async function webhookCheck(
  twilio: TwilioProvisioning,
  number: BusinessNumber,
  refusing: ReadonlySet<string>,
  within: Within,
): Promise<Check> {
  const { id, address, accountSid, messagingServiceSid } = number;
  const of = ['number-webhook', `${address} at Twilio`] as const;
  if (refusing.has(accountSid)) return check(...of, skipped('Twilio does not take our calls.'), id);
  try {
    const plan = await twilio.plan({ address, account: accountSid, messagingServiceSid }, within());
    const { kind, sid } = plan.target;
    const fields = plan.differences.map(({ field }) => field).join(', ');
    if (fields === '') return check(...of, ok(`Its ${kind} ${sid} leads to us.`), id);
    const remedy = `causeway provision twilio --number ${address} --apply`;
    return check(...of, fail(`Its ${kind} ${sid} does not lead to us: ${fields}.`, remedy), id);
  } catch (error) {
    return check(...of, failureOf(error), id);
  }
}

function failureOf(error: unknown): ReturnType<typeof fail> {
  if (!(error instanceof ProvisioningError)) throw error;
  return fail(error.message, REMEDIES[error.code] ?? 'Try again in a while.');
}
