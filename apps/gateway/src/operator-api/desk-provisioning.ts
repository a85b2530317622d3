import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';
import {
  DeskProvisioningError,
  type ChatGatewayProvisioning,
  type DeskDifference,
  type DeskNumber,
  type DeskPlan,
  type DeskRemoval,
  type DeskProvisioningErrorCode,
} from '#desk-chat-gateway';
import { OperatorNumbers, OperatorProvisioning, type Actor, type BusinessNumber } from '#persistence';
import { ProblemException } from '#platform';
import { channelOf } from './addresses.js';
import { OPERATOR_API_OPTIONS, type OperatorApiOptions } from './options.js';

/** Of one request, whatever it takes at the Chat Gateway, which calls us back meanwhile. */
const TIMEOUT_MS = 15_000;

/** The request (400), our configuration or what stands at the desk (409), or the desk, or our way to it (502). */
const STATUSES: Readonly<Record<DeskProvisioningErrorCode, number>> = {
  'queue-needed': 400,
  'unsuitable-url': 409,
  'unverified-url': 409,
  'unknown-queue': 409,
  'foreign-channel': 409,
  'bad-credentials': 502,
  'wrong-tenant': 502,
  'no-permission': 502,
  refused: 502,
  'in-doubt': 502,
  'not-available': 502,
};

/** A number that may not be here yet. */
export interface Addressed {
  address: string;
  accountSid: string;
  /** Whose account it is. */
  tenantId: string;
  number?: BusinessNumber | undefined;
}

/** How a number stands at the desk; the differences are those there and those of the number itself. */
export interface DeskState {
  numberId?: string;
  plan: DeskPlan;
  /** Where its conversations go: the number's own queue, else the channel's. */
  queueId: string;
  notes: string[];
  differences: DeskDifference[];
}

/** Numbers as operators connect them to the desk. Everything throws {@link ProblemException}. */
@Injectable()
export class DeskProvisioning {
  constructor(
    @Inject(OPERATOR_API_OPTIONS) private readonly options: OperatorApiOptions,
    @Inject(OperatorNumbers) private readonly numbers: OperatorNumbers,
    @Inject(OperatorProvisioning) private readonly store: OperatorProvisioning,
  ) {}

  async look(of: Addressed, queueId?: string): Promise<DeskState> {
    const within = contextUntil(performance.now() + TIMEOUT_MS);
    await answered(this.desk(of).verify(within()));
    return this.state(of, queueId, within());
  }

  /** Makes and changes what is needed, here and there. Answers what that was, and how it stands then. */
  async apply(
    of: Addressed,
    by: Actor,
    queueId?: string,
  ): Promise<DeskState & { changed: DeskDifference[] }> {
    const within = contextUntil(performance.now() + TIMEOUT_MS);
    await answered(this.desk(of).verify(within()));
    const before = await this.state(of, queueId, within());
    const { plan, differences: changed } = before;
    if (changed.length === 0) return { ...before, changed };
    const id = of.number?.id ?? uuid();
    const details = { fields: changed.map(({ field }) => field), changes: changed };
    await this.store.begin({ id, tenantId: of.tenantId }, by, details, 'number.provision-desk');
    const made = await answered(this.desk(of).apply(plan, within()));
    const number = await this.connect(of, { ...made, id, by, ...(queueId !== undefined && { queueId }) });
    // Read once more: what the desk took is what counts, not what it was sent.
    const after = await this.state({ ...of, number }, queueId, within());
    const moved = before.notes.filter((note) => !plan.notes.includes(note));
    return { ...after, notes: [...after.notes, ...moved], changed };
  }

  /** @param before ids of numbers that are to be taken away before this one */
  async planRemoval(number: BusinessNumber, before: readonly string[] = []): Promise<DeskRemoval> {
    const within = contextUntil(performance.now() + TIMEOUT_MS);
    const { sharing, freed, open } = await this.numbers.deskUse(number, before);
    if (open > 0) {
      throw new ProblemException(409, {
        detail: `Conversations of this number are open (${open}): close them first (POST /api/v1/conversations/{id}/close).`,
      });
    }
    const setup = await answered(this.desk(number).read(within()));
    return answered(
      Promise.resolve().then(() => this.desk(number).planRemoval(deskNumber(number), sharing, setup, freed)),
    );
  }

  /** The number is unconfigured then: what customers write to it waits. */
  async remove(number: BusinessNumber, by: Actor): Promise<DeskRemoval> {
    const removal = await this.planRemoval(number);
    const { channelId, webhookId } = removal;
    await this.store.begin(number, by, { channelId, webhookId }, 'number.remove-desk');
    await answered(this.desk(number).remove(removal, contextUntil(performance.now() + TIMEOUT_MS)()));
    await this.numbers.disconnectDesk(number.id);
    return removal;
  }

  private desk({ tenantId }: { tenantId: string }): ChatGatewayProvisioning {
    return this.options.deskProvisioning(tenantId);
  }

  private async state(
    of: Addressed,
    queueId: string | undefined,
    context: { timeoutMs: number },
  ): Promise<DeskState> {
    const { address, number } = of;
    const wanted = {
      ...(number ? deskNumber(number) : { address }),
      ...(queueId !== undefined && { queueId, moveQueue: true }),
    };
    const desk = this.desk(of);
    const plan = await answered(desk.read(context).then((setup) => desk.plan(wanted, setup)));
    const differences = [...plan.differences, ...ownDifferences(number, plan, queueId)];
    const notes = [...plan.notes, ...(await this.movedWith(number, plan))];
    const goesTo = queueId ?? number?.queueId ?? plan.channel.queueId;
    return { ...(number && { numberId: number.id }), plan, queueId: goesTo, notes, differences };
  }

  /** A channel's queue is that of every number on it that has none of its own. */
  private async movedWith(
    number: BusinessNumber | undefined,
    { channel, differences }: DeskPlan,
  ): Promise<string[]> {
    const isMoved = differences.some(({ field }) => field === 'channel.routingOptions.id');
    if (!number || !isMoved || number.chatGatewayChannelId !== channel.id) return [];
    const { following } = await this.numbers.deskUse(number);
    if (following === 0) return [];
    const others = `${following} more ${following === 1 ? 'number' : 'numbers'}`;
    const whose = following === 1 ? 'its' : 'their';
    return [
      `The channel ${channel.id} is that of ${others}: ${whose} conversations go to queue ${channel.queueId}, too.`,
    ];
  }

  private async connect(
    { address, accountSid, tenantId, number }: Addressed,
    made: { id: string; channelId: string; webhookId: string; queueId?: string; by: Actor },
  ): Promise<BusinessNumber | undefined> {
    const { id, channelId, webhookId, queueId, by } = made;
    if (!number) {
      const configured = await this.numbers.configure(
        {
          id,
          address,
          accountSid,
          tenantId,
          channel: channelOf(address),
          chatGatewayChannelId: channelId,
          chatGatewayWebhookId: webhookId,
          ...(queueId !== undefined && { queueId }),
        },
        by,
      );
      // Somebody else has configured it meanwhile: it gets what was made for it all the same.
      if (configured) return configured;
    }
    const known = number ?? (await this.numbers.find(accountSid, address));
    if (!known) return undefined;
    await this.numbers.connectDesk(known.id, {
      channelId,
      webhookId,
      ...(queueId !== undefined && { queueId }),
    });
    return this.numbers.get(known.id);
  }
}

/** What has to change in the number, where that is not the desk's. */
function ownDifferences(
  number: BusinessNumber | undefined,
  { webhook, channel }: DeskPlan,
  queueId: string | undefined,
): DeskDifference[] {
  if (!number) return [{ field: 'number', is: null, shouldBe: 'configured' }];
  if (number.state === 'unconfigured') {
    return [{ field: 'number', is: 'unconfigured', shouldBe: 'configured' }];
  }
  const wanted = [
    ['chatGatewayChannelId', number.chatGatewayChannelId, channel.id ?? 'the new channel'],
    ['chatGatewayWebhookId', number.chatGatewayWebhookId, webhook.id ?? 'the new webhook'],
    ['queueId', number.queueId, queueId ?? number.queueId],
  ] as const;
  return wanted.flatMap(([name, is, shouldBe]) =>
    shouldBe === null || is === shouldBe ? [] : [{ field: `number.${name}`, is, shouldBe }],
  );
}

export function deskNumber(number: BusinessNumber): DeskNumber {
  const { address, chatGatewayChannelId: channelId, chatGatewayWebhookId: webhookId, queueId } = number;
  return { address, channelId, webhookId, queueId };
}

function contextUntil(endsAt: number): () => { timeoutMs: number } {
  return () => ({ timeoutMs: Math.max(1, Math.floor(endsAt - performance.now())) });
}

async function answered<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof DeskProvisioningError)) throw error;
    throw new ProblemException(STATUSES[error.code], { detail: error.message });
  }
}
