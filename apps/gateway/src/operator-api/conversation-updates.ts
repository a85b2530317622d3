import { Inject, Injectable } from '@nestjs/common';
import {
  DeliveryError,
  MAX_PROPERTIES,
  mergeDetails,
  type ConversationChange as AtDesk,
  type DeskUser,
  type OpeningDetails,
} from '#core';
import { OperatorConversations, type Actor, type ChangeableConversation } from '#persistence';
import { ProblemException } from '#platform';
import { OPERATOR_API_OPTIONS, type OperatorApiOptions } from './options.js';
import { notFound } from './validation.js';

/** Of one call to the desk. */
const TIMEOUT_MS = 6_000;
/** Several changes at once are made one after the other. */
const MAX_TRIES = 3;

export interface ConversationChange {
  queueId?: string;
  user?: DeskUser;
}

/** Changes open conversations at the desk while the caller waits, for a refusal is theirs to hear. */
@Injectable()
export class ConversationUpdates {
  constructor(
    @Inject(OPERATOR_API_OPTIONS) private readonly options: OperatorApiOptions,
    @Inject(OperatorConversations) private readonly conversations: OperatorConversations,
  ) {}

  /** The queue first, for that is what may be refused. Throws {@link ProblemException}. */
  async apply(id: string, { queueId, user }: ConversationChange, by: Actor): Promise<void> {
    if (queueId !== undefined) await this.change(id, { queueId }, by, ['queueId']);
    if (user) await this.change(id, { user }, by, namesOf(user));
  }

  private async change(id: string, change: OpeningDetails, by: Actor, fields: string[]): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const conversation = await this.changeable(id, change);
      const details = mergeDetails(conversation.details, change);
      refuseTooMany(conversation.details, change);
      const { tenantId, deskConversationId, reference } = conversation;
      const user = change.user && details.user ? { user: details.user, reference } : {};
      await this.tell({ deskConversationId, ...assignmentOf(change), ...user }, tenantId);
      if (await this.conversations.changed(id, { from: conversation.version, details, fields }, by)) return;
    }
    throw new ProblemException(409, { detail: 'This conversation is being changed by others: try again.' });
  }

  private async changeable(id: string, { queueId }: OpeningDetails): Promise<ChangeableConversation> {
    const conversation = await this.conversations.changeable(id);
    if (!conversation) throw notFound();
    const { state, deskConversationId } = conversation;
    if (state === 'closed') throw new ProblemException(409, { detail: 'This conversation is closed.' });
    if (deskConversationId === '') {
      throw new ProblemException(409, {
        detail: 'This conversation is not at the Chat Gateway yet: try again in a moment.',
      });
    }
    if (queueId !== undefined && (state === 'active' || state === 'post-agent')) {
      throw new ProblemException(409, {
        detail: 'An agent has taken this conversation: only they can move it to another queue.',
      });
    }
    return conversation;
  }

  private async tell(change: AtDesk, tenantId: string): Promise<void> {
    try {
      await this.options.desk.updateConversation(change, { tenantId, timeoutMs: TIMEOUT_MS });
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      throw this.problemOf(error);
    }
  }

  private problemOf({ kind, code }: DeliveryError): ProblemException {
    if (kind === 'gone') {
      return new ProblemException(409, { detail: 'This conversation is over at the Chat Gateway.' });
    }
    const words = this.options.words.inbound.reason(code) ?? '';
    if (code === 'invalid-queue') {
      const message = 'queueId must be a queue of the Chat Gateway';
      return new ProblemException(422, {
        detail: 'The Chat Gateway does not know this queue.',
        errors: [{ field: 'queueId', message }],
      });
    }
    if (kind === 'failed')
      return new ProblemException(422, { detail: `The Chat Gateway refused it. ${words}`.trim() });
    return new ProblemException(502, {
      detail: `The Chat Gateway gave no answer that counts. ${words} Saying it again does no harm.`,
    });
  }
}

function assignmentOf({ queueId }: OpeningDetails): Pick<OpeningDetails, 'assignment'> {
  return queueId === undefined ? {} : { assignment: { type: 'queue', id: queueId } };
}

/** Names only: what they are is nobody's business. */
function namesOf({ properties, ...user }: DeskUser): string[] {
  return [...Object.keys(user), ...(properties ? ['properties'] : [])].sort().map((name) => `user.${name}`);
}

function refuseTooMany(known: OpeningDetails, { user }: OpeningDetails): void {
  const keys = [known.user, user].flatMap((one) => (one?.properties ?? []).map(({ key }) => key));
  const count = new Set(keys).size;
  if (count <= MAX_PROPERTIES) return;
  const message = `properties must be at most ${MAX_PROPERTIES} together with those the conversation has; these would be ${count}`;
  throw new ProblemException(400, {
    detail: 'Some fields are not as they should be.',
    errors: [{ field: 'user.properties', message }],
  });
}
