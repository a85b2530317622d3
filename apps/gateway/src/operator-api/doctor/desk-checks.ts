import {
  DeskProvisioningError,
  type ChatGatewayProvisioning,
  type DeskProvisioningErrorCode,
  type DeskSetup,
} from '#desk-chat-gateway';
import type { BusinessNumber } from '#persistence';
import { deskNumber } from '../desk-provisioning.js';
import { check, clockCheck, fail, ok, skipped, warn, type Check, type Within } from './check.js';

const REMEDIES: Partial<Record<DeskProvisioningErrorCode, string>> = {
  'bad-credentials':
    'Take a key for the Contact Center Chat Gateway from the 8x8 Admin Console (API Keys), set CHAT_GATEWAY_API_KEY, restart gateways and workers.',
  'wrong-tenant': 'Set CHAT_GATEWAY_TENANT_ID, restart gateways and workers.',
  'no-permission': 'Give the key the product Contact Center Chat Gateway.',
  refused: 'Set CHAT_GATEWAY_BASE_URL to the Chat Gateway, https://api.8x8.com.',
  'not-available':
    'See that this machine may reach CHAT_GATEWAY_BASE_URL: name, proxy, firewall. It may be down, too.',
  'unsuitable-url': 'Set PUBLIC_BASE_URL to an https address that is reached from the internet.',
  'unverified-url': 'Set PUBLIC_BASE_URL to where the gateways are reached from the internet.',
};

const NAMES = {
  key: ['chat-gateway-key', 'Chat Gateway key'],
  tenant: ['chat-gateway-tenant', 'Chat Gateway tenant'],
  clock: ['chat-gateway-clock', 'Chat Gateway clock'],
  webhook: ['chat-gateway-webhook', 'Chat Gateway webhook'],
  calls: ['chat-gateway-calls-us', 'Chat Gateway calls us'],
} as const;

/** What is known once the account has been looked at. */
export interface DeskLook {
  checks: Check[];
  setup?: DeskSetup;
}

/** Key, tenant, clock and webhook of an account. */
export async function deskChecks(
  desk: ChatGatewayProvisioning,
  within: Within,
  now: () => number,
): Promise<DeskLook> {
  const startedAt = now();
  let date: number | undefined;
  try {
    date = (await desk.probe(within())).date;
  } catch (error) {
    return { checks: refusals(error) };
  }
  const clock = { date, now: now(), elapsedMs: now() - startedAt };
  const known = [
    check(...NAMES.key, ok('It is taken.')),
    check(...NAMES.tenant, ok("It is the key's.")),
    clockCheck(...NAMES.clock, clock),
  ];
  try {
    const setup = await desk.read(within());
    return { checks: [...known, webhookCheck(desk, setup)], setup };
  } catch (error) {
    return { checks: [...known, check(...NAMES.webhook, failureOf(error))] };
  }
}

/** Whether the Chat Gateway reaches our webhook: it is made to call it. */
export async function callsUsCheck(desk: ChatGatewayProvisioning, within: Within): Promise<Check> {
  try {
    await desk.verify(within());
    return check(...NAMES.calls, ok('It has just called our webhook, and got its 2xx.'));
  } catch (error) {
    const { code } = error instanceof DeskProvisioningError ? error : { code: undefined };
    if (code === 'unverified-url' || code === 'unsuitable-url')
      return check(...NAMES.calls, failureOf(error));
    if (code === undefined) throw error;
    return check(...NAMES.calls, skipped('It does not take our call.'));
  }
}

/** The number's channel: there, of the right type, on a webhook that leads to us. */
export async function channelCheck(
  desk: ChatGatewayProvisioning,
  number: BusinessNumber,
  setup: DeskSetup | undefined,
): Promise<Check> {
  const of = ['channel', `${number.address} at the Chat Gateway`] as const;
  if (!setup) return check(...of, skipped('The Chat Gateway does not take our calls.'), number.id);
  const remedy = `causeway provision chat-gateway --number ${number.address} --apply`;
  try {
    const { channel, webhook, differences, notes } = await desk.plan(deskNumber(number), setup);
    if (differences.length > 0 || channel.id !== number.chatGatewayChannelId) {
      const fields = differences.map(({ field }) => field).join(', ');
      const finding = notes.length > 0 ? notes.join(' ') : `Not as it should be: ${fields}.`;
      return check(...of, fail(finding, remedy), number.id);
    }
    const queue =
      number.queueId === null || number.queueId === channel.queueId
        ? channel.queueId
        : `${number.queueId} (the number's own; the channel's is ${channel.queueId})`;
    const found = `Channel ${channel.id ?? ''}, queue ${queue}, leads to us`;
    if (webhook.id === number.chatGatewayWebhookId) return check(...of, ok(`${found}.`), number.id);
    return check(...of, warn(`${found}; its webhook is not known here.`, remedy), number.id);
  } catch (error) {
    const needsQueue = error instanceof DeskProvisioningError && error.code === 'queue-needed';
    const command = needsQueue ? remedy.replace('--apply', '--queue <id> --apply') : remedy;
    return check(...of, failureOf(error, command), number.id);
  }
}

function webhookCheck(desk: ChatGatewayProvisioning, { webhooks }: DeskSetup): Check {
  const uri = desk.uri();
  const found = webhooks.filter((webhook) => webhook.uri === uri);
  const [first] = found;
  if (first && found.length === 1) return check(...NAMES.webhook, ok(`Webhook ${first.id} leads to us.`));
  if (first) {
    const finding = `${found.length} lead to us: ${found.map(({ id }) => id).join(', ')}.`;
    return check(
      ...NAMES.webhook,
      warn(finding, 'One is enough: delete those that no channel uses in Configuration Manager.'),
    );
  }
  const remedy =
    'causeway provision chat-gateway --all --apply (or --number <address> --queue <id> for the first number).';
  const finding =
    webhooks.length === 0
      ? `The account has no webhook yet: none leads to ${uri}.`
      : `None of its ${webhooks.length} leads to ${uri}.`;
  return check(...NAMES.webhook, fail(finding, remedy));
}

/** A refusal says which of key and tenant is wrong; everything else has to wait for that. */
function refusals(error: unknown): Check[] {
  const wrongTenant = error instanceof DeskProvisioningError && error.code === 'wrong-tenant';
  const waiting = skipped('The Chat Gateway has to take our calls first.');
  return [
    check(...NAMES.key, wrongTenant ? ok('It is taken.') : failureOf(error)),
    check(...NAMES.tenant, wrongTenant ? failureOf(error) : waiting),
    check(...NAMES.clock, waiting),
    check(...NAMES.webhook, waiting),
  ];
}

function failureOf(error: unknown, otherwise = 'Try again in a while.'): ReturnType<typeof fail> {
  if (!(error instanceof DeskProvisioningError)) throw error;
  return fail(error.message, REMEDIES[error.code] ?? otherwise);
}
