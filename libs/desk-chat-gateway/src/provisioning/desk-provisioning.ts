import { DeliveryError } from '#core';
import type { CallContext } from '#core';
import { isLocal, unsuitability, type Unsuitability } from '#platform';
import { ChatGatewayApi } from '../api/api.js';
import { CHAT_API } from '../api/channels.js';
import type { Channel } from '../api/channels.js';
import { deadline } from '../api/deadline.js';
import { EVENT_VERSION } from '../api/webhooks.js';
import type { Webhook } from '../api/webhooks.js';
import type { ChatGatewayClient } from '../client.js';
import { deskFailure, DeskProvisioningError, type DeskStep } from './desk-provisioning-error.js';

/** A number of ours, as far as the desk is concerned. */
export interface DeskNumber {
  address: string;
  channelId?: string | null;
  webhookId?: string | null;
  /** Where its conversations are to wait; a channel is only made with one. */
  queueId?: string | null;
  /** Change a channel's queue where it is another. */
  moveQueue?: boolean;
}

/** One thing at the Chat Gateway that is to be another. */
export interface DeskDifference {
  /** `webhook` and `channel` where they are to be made, else the field by its name in the API. */
  field: string;
  is: string | null;
  shouldBe: string;
}

/** What would have to change so that a number's conversations lead to us. */
export interface DeskPlan {
  /** Without an id it is to be made. */
  webhook: { id?: string; name: string; uri: string };
  channel: { id?: string; name: string; queueId: string };
  notes: string[];
  /** Empty: nothing is to be done there. */
  differences: DeskDifference[];
}

/** What would go, and what would stay, and why. */
export interface DeskRemoval {
  channelId?: string;
  webhookId?: string;
  left: string[];
}

/** What stands at the Chat Gateway. */
export interface DeskSetup {
  webhooks: Webhook[];
  channels: Channel[];
}

export const WEBHOOK_PATH = '/webhooks/chat-gateway';
const WEBHOOK_NAME = 'Causeway';

const UNSUITABLE: Record<Unsuitability, string> = {
  'not-https': 'must begin with https:// before the Chat Gateway is pointed at it',
  underscore: 'has an underscore in its host name',
  'this-machine': 'is an address of this machine, which the Chat Gateway cannot reach',
  'private-network': 'is an address of a private network, which the Chat Gateway cannot reach',
};

/**
 * Makes webhook and channel of an account, and takes them away. Reads before it writes, and writes only what differs. Everything
 * rejects with {@link DeskProvisioningError}.
 * Source: the published OpenAPI document, and the workflow "Connecting a third-party channel".
 */
export class ChatGatewayProvisioning {
  private readonly api: ChatGatewayApi;

  constructor(
    private readonly client: ChatGatewayClient,
    private readonly options: { publicBaseUrl: string },
  ) {
    this.api = new ChatGatewayApi(client);
  }

  /** Where the Chat Gateway is to call us. Throws where it cannot. */
  uri(): string {
    const { publicBaseUrl } = this.options;
    const why = isLocal(this.client.baseUrl) ? undefined : unsuitability(publicBaseUrl);
    if (why) throw new DeskProvisioningError('unsuitable-url', `PUBLIC_BASE_URL ${UNSUITABLE[why]}.`);
    return publicBaseUrl.replace(/\/+$/, '') + WEBHOOK_PATH;
  }

  /** The far side's clock, epoch ms, where it tells; rejects where it refuses us or cannot be reached. */
  async probe(context: CallContext): Promise<{ date?: number }> {
    const query = { size: '1' };
    const { headers } = await this.step({ at: 'read' }, () =>
      this.client.call({ operation: 'read', method: 'GET', path: ['webhooks'], query }, context),
    );
    const date = Date.parse(headers['date'] ?? '');
    return Number.isNaN(date) ? {} : { date };
  }

  /** Whether the account is on this machine: a simulator. */
  get isLocal(): boolean {
    return isLocal(this.client.baseUrl);
  }

  async read(context: CallContext): Promise<DeskSetup> {
    const within = deadline(context);
    return this.step({ at: 'read' }, async () => {
      const webhooks = await this.api.webhooks.all(within());
      return { webhooks, channels: await this.api.channels.all(within()) };
    });
  }

  /** Makes the Chat Gateway call us. */
  async verify(context: CallContext): Promise<void> {
    const uri = this.uri();
    await this.step({ at: 'verify', uri }, () => this.api.webhooks.verify(uri, context));
  }

  async plan(number: DeskNumber, setup: DeskSetup): Promise<DeskPlan> {
    const uri = this.uri();
    const notes: string[] = [];
    const differences: DeskDifference[] = [];
    const channel = channelOf(number, setup, notes);
    const webhook = webhookOf(uri, number, channel, setup);
    if (webhook === undefined) differences.push({ field: 'webhook', is: null, shouldBe: uri });
    else differences.push(...webhookDifferences(webhook, uri));
    if (channel?.webHookId !== undefined && channel.webHookId !== webhook?.id) {
      throw leadsElsewhere(channel, setup);
    }
    const found = channel ?? ownChannel(number, webhook, setup);
    const name = found?.name ?? channelName(number.address);
    const wantedQueue = number.queueId ?? undefined;
    const queueId = (found && !number.moveQueue ? found.queueId : undefined) ?? wantedQueue ?? found?.queueId;
    if (queueId === undefined) {
      throw new DeskProvisioningError(
        'queue-needed',
        `${[...notes, 'A channel needs a queue'].join(' ')}: say which one its conversations are to wait in (queueId, --queue).`,
      );
    }
    if (!found) {
      differences.push({ field: 'channel', is: null, shouldBe: `${name}, queue ${queueId}` });
    } else if (found.webHookId === undefined) {
      differences.push({ field: 'channel.webHookId', is: null, shouldBe: webhook?.id ?? 'the new webhook' });
    }
    if (found && found.queueId !== queueId) {
      differences.push({ field: 'channel.routingOptions.id', is: found.queueId ?? null, shouldBe: queueId });
    }
    return {
      webhook: { ...(webhook && { id: webhook.id }), name: webhook?.name || WEBHOOK_NAME, uri },
      channel: { ...(found && { id: found.id }), name, queueId },
      notes,
      differences,
    };
  }

  /** Changes what the plan lists and nothing else. Answers the ids as they are then. */
  async apply(plan: DeskPlan, context: CallContext): Promise<{ webhookId: string; channelId: string }> {
    const within = deadline(context);
    const isListed = (prefix: string) => plan.differences.some(({ field }) => field.split('.')[0] === prefix);
    const { webhook, channel } = plan;
    let webhookId = webhook.id;
    if (webhookId === undefined || isListed('webhook')) {
      const wanted = { name: webhook.name, uri: webhook.uri };
      const made = await this.step({ at: 'webhook' }, () =>
        webhookId === undefined
          ? this.api.webhooks.create(wanted, within())
          : this.api.webhooks.replace(webhookId, wanted, within()),
      );
      webhookId = made.id;
    }
    if (channel.id !== undefined && !isListed('channel')) return { webhookId, channelId: channel.id };
    const { id, name, queueId } = channel;
    const wanted = { name, webHookId: webhookId, queueId };
    const made = await this.step({ at: 'channel', queueId }, () =>
      id === undefined
        ? this.api.channels.create(wanted, within())
        : this.api.channels.replace(id, wanted, within()),
    );
    return { webhookId, channelId: made.id };
  }

  /**
   * @param shared how many other numbers of ours have the same channel
   * @param freed channels that are to be deleted before
   */
  planRemoval(
    number: DeskNumber,
    shared: number,
    { webhooks, channels: all }: DeskSetup,
    freed: readonly string[] = [],
  ): DeskRemoval {
    const left: string[] = [];
    const channels = all.filter(({ id, type }) => type !== CHAT_API || !freed.includes(id));
    const channel = channels.find(({ id }) => id === number.channelId);
    const webhook = webhooks.find(({ id }) => id === (channel?.webHookId ?? number.webhookId));
    const isOurs = webhook !== undefined && (webhook.uri === this.uri() || webhook.id === number.webhookId);
    const leadsToUs = isOurs && channel?.type === CHAT_API && channel.webHookId === webhook.id;
    if (!channel) left.push(`The channel ${number.channelId ?? ''} is gone already.`);
    else if (!leadsToUs) left.push(`The channel ${channel.id} does not lead to us and stays.`);
    else if (shared > 0)
      left.push(
        `The channel ${channel.id} is that of ${counted(shared, 'number')} here and goes with the last of them.`,
      );
    const goes = leadsToUs && shared === 0 ? channel : undefined;
    const users = channels.filter(({ id, webHookId }) => webHookId === webhook?.id && id !== goes?.id).length;
    if (isOurs && users > 0)
      left.push(`The webhook ${webhook.id} is used by ${counted(users, 'channel')} and stays.`);
    return {
      ...(goes && { channelId: goes.id }),
      ...(isOurs && users === 0 && { webhookId: webhook.id }),
      left,
    };
  }

  /** What is gone already is fine. */
  async remove({ channelId, webhookId }: DeskRemoval, context: CallContext): Promise<void> {
    const within = deadline(context);
    if (channelId !== undefined) {
      await this.step({ at: 'channel', queueId: '' }, () =>
        gone(this.api.channels.delete(channelId, within())),
      );
    }
    if (webhookId !== undefined) {
      await this.step({ at: 'webhook' }, () => gone(this.api.webhooks.delete(webhookId, within())));
    }
  }

  private async step<T>(step: DeskStep, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw deskFailure(error, step);
    }
  }
}

async function gone(deletion: Promise<void>): Promise<void> {
  await deletion.catch((error: unknown) => {
    if (!(error instanceof DeliveryError && error.code === 'not-found')) throw error;
  });
}

function counted(n: number, one: string): string {
  return `${n} more ${one}${n === 1 ? '' : 's'}`;
}

function channelName(address: string): string {
  return `${WEBHOOK_NAME} ${address}`;
}

/** The channel that the number has, where it is still there. */
function channelOf(number: DeskNumber, { channels }: DeskSetup, notes: string[]): Channel | undefined {
  if (number.channelId === undefined || number.channelId === null) return undefined;
  const channel = channels.find(({ id }) => id === number.channelId);
  if (!channel) notes.push(`The channel ${number.channelId} that the number has does not exist there.`);
  else if (channel.type !== CHAT_API) {
    throw new DeskProvisioningError(
      'foreign-channel',
      `The channel ${channel.id} of the number is of the type ${channel.type || 'unknown'}, not ${CHAT_API}: give the number another one.`,
    );
  }
  return channel;
}

/** A channel that was made for this number before, and whose id was lost. */
function ownChannel(
  number: DeskNumber,
  webhook: Webhook | undefined,
  { channels }: DeskSetup,
): Channel | undefined {
  if (!webhook) return undefined;
  const name = channelName(number.address);
  return channels.find(
    (channel) => channel.type === CHAT_API && channel.webHookId === webhook.id && channel.name === name,
  );
}

/** One that leads to us, that of the channel before others; else the one that did when it was provisioned. */
function webhookOf(
  uri: string,
  number: DeskNumber,
  channel: Channel | undefined,
  { webhooks }: DeskSetup,
): Webhook | undefined {
  const ours = webhooks.filter((webhook) => webhook.uri === uri);
  const byId = (among: Webhook[], id: string | null | undefined) =>
    among.find((webhook) => webhook.id === id);
  return (
    byId(ours, channel?.webHookId) ??
    byId(ours, number.webhookId) ??
    byId(webhooks, number.webhookId) ??
    ours[0]
  );
}

function webhookDifferences({ uri, version }: Webhook, wanted: string): DeskDifference[] {
  const found: DeskDifference[] = [];
  if (uri !== wanted) found.push({ field: 'webhook.uri', is: uri, shouldBe: wanted });
  if (version !== undefined && version !== EVENT_VERSION) {
    found.push({ field: 'webhook.version', is: version, shouldBe: EVENT_VERSION });
  }
  return found;
}

function leadsElsewhere(channel: Channel, { webhooks }: DeskSetup): DeskProvisioningError {
  const other = webhooks.find(({ id }) => id === channel.webHookId);
  // Of a URL of somebody else's no more than where it leads: it may carry a secret.
  const where = other && URL.canParse(other.uri) ? ` at ${new URL(other.uri).host}` : '';
  return new DeskProvisioningError(
    'foreign-channel',
    `The channel ${channel.id} of the number leads to another webhook${where}: point it at ours in Configuration Manager, or give the number another channel.`,
  );
}
