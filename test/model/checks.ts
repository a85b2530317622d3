import { deriveState, mergeFacts, type ReceiptStatus } from '#core';
import { broken, type World, type WorldMessage } from '../support/invariants.js';
import type { Bridge } from './bridge.js';
import { illegal, takeChanges, type Change } from './changes.js';
import type { Outside } from './outside.js';

/** Reasons of our own to fail a message. */
const OWN_REASONS = ['too-old', 'outcome-unknown', 'discarded'];
const UNKNOWN = ['sending', 'uncertain', 'abandoned'];

interface StoredConversation {
  id: string;
  desk_conversation_id: string | null;
  state: string;
  close_reason: string | null;
  last_agent_left_at: number | null;
}

/** How what is stored differs from what the outside world knows must be there. */
export async function findings(outside: Outside, bridge: Bridge): Promise<string[]> {
  const changes = await takeChanges(bridge.pool);
  const messages = await storedMessages(outside, bridge);
  const { rows: conversations } = await bridge.pool.query<StoredConversation>(
    'select * from conversations where tenant_id = $1',
    [outside.tenantId],
  );
  const bound = new Set(conversations.map((each) => each.desk_conversation_id));
  // Answers in a conversation that never became ours stay parked, where operators see them.
  const written = outside.written().filter(({ direction, who }) => direction === 'inbound' || bound.has(who));
  const world: World = {
    messages: messages.map((each) => asReported(outside, each)),
    taken: outside.taken,
    written,
  };
  return [
    ...broken(withoutReplays(outside, world)),
    ...illegal(changes),
    ...unwritten(world),
    ...storedTwice(world),
    ...marks(messages, changes),
    ...failures(outside, messages),
    ...receipts(outside, messages),
    ...conversations.flatMap((each) => state(outside, each)),
    ...(await leftOpen(outside, bridge, conversations)),
  ];
}

/** The messages of a sequence, a customer's under the id that its provider gave it in the place of its text; what a create carried counts as such. */
async function storedMessages(outside: Outside, bridge: Bridge): Promise<WorldMessage[]> {
  const { rows } = await bridge.pool.query<WorldMessage>({
    name: 'model-messages',
    text: `
    select m.id, m.lane_id as "laneId", m.direction, m.seq,
      case when exists (select from conversations c where c.thread_id = l.thread_id and m.id = any (c.create_history))
        then 'reopening' else m.content ->> 'type' end as "contentType",
      coalesce(m.provider_message_id, m.content ->> 'text', m.author_type) as text, m.delivery, m.reason,
      m.possible_duplicate as "possibleDuplicate", m.out_of_order as "outOfOrder", i.state as "itemState",
      (select coalesce(json_agg(json_build_object('n', p.n, 'text', '') order by p.n), '[]')
        from parts p where p.message_id = m.id) as parts,
      (select coalesce(json_agg(json_build_object('id', a.id, 'partN', a.part_n, 'kind', a.kind, 'outcome', a.outcome,
          'fence', a.fence, 'startedAt', extract(epoch from a.started_at) * 1000, 'receipt', a.receipt) order by a.id), '[]')
        from attempts a where a.message_id = m.id) as attempts
    from lanes l join messages m on m.lane_id = l.id
    left join lane_items i on i.lane_id = m.lane_id and i.seq = m.seq
    where l.tenant_id = $1 order by m.lane_id, m.seq`,
    values: [outside.tenantId],
  });
  return rows;
}

/** A repeat is excused by a report of failure, also where one of arrival has come since. */
function asReported({ reportedFailed }: Outside, message: WorldMessage): WorldMessage {
  const attempts = message.attempts.map((each) =>
    reportedFailed.has(each.id) ? { ...each, receipt: 'failed' } : each,
  );
  return { ...message, attempts };
}

/** An operator's replay may double and overtake. */
function withoutReplays({ replayed }: Outside, { messages, taken, written }: World): World {
  const keys = new Set(messages.filter(({ id }) => replayed.has(id)).map(({ text }) => text));
  return {
    messages: messages.filter(({ id }) => !replayed.has(id)),
    taken: taken.filter(({ messageId }) => !replayed.has(messageId ?? '')),
    written: written.filter(({ text }) => !keys.has(text)),
  };
}

/** Nothing reaches a customer that no agent wrote. */
function unwritten({ messages, taken, written }: World): string[] {
  const answers = new Set(
    written.filter(({ direction }) => direction === 'outbound').map(({ text }) => text),
  );
  const sent = new Set(
    taken.filter(({ direction }) => direction === 'outbound').map(({ messageId }) => messageId),
  );
  return messages
    .filter(({ id, text }) => sent.has(id) && !answers.has(text))
    .map(({ id }) => `I1: ${id} was sent to a customer, and no agent wrote it`);
}

/** What reached us twice, by webhook or event and by a provider's list, is one message. */
function storedTwice({ messages, written }: World): string[] {
  const stored = Map.groupBy(messages, ({ direction, text }) => `${direction}:${text}`);
  return written
    .map(({ direction, text }) => `${direction}:${text}`)
    .filter((key) => (stored.get(key)?.length ?? 0) > 1)
    .map((key) => `I2: ${key} is stored twice`);
}

/** A mark says that an outcome was unknown. */
function marks(messages: WorldMessage[], changes: Change[]): string[] {
  const doubtful = new Set(
    changes.filter(({ after }) => after === 'uncertain' || after === 'abandoned').map(({ id }) => id),
  );
  return messages
    .filter(({ possibleDuplicate }) => possibleDuplicate)
    .filter(
      ({ id, attempts }) =>
        !doubtful.has(id) &&
        !attempts.some((each) => UNKNOWN.includes(each.outcome) || doubtful.has(each.id)),
    )
    .map(({ id }) => `I2: ${id} is marked, and every outcome was known`);
}

/** Only a provider's refusal or report is a reason to fail, or age. */
function failures(outside: Outside, messages: WorldMessage[]): string[] {
  return messages
    .filter(({ delivery, reason }) => delivery === 'failed' && !OWN_REASONS.includes(reason ?? ''))
    .filter(({ attempts }) =>
      attempts.every(({ id, outcome }) => outcome !== 'failed' && !outside.reportedFailed.has(id)),
    )
    .map(({ id, reason }) => `I4: ${id} failed (${reason}), and no provider said so`);
}

/** An attempt's receipt is the highest that was reported of it, in whatever order. */
function receipts(outside: Outside, messages: WorldMessage[]): string[] {
  const stored = new Map(messages.flatMap(({ attempts }) => attempts.map((each) => [each.id, each.receipt])));
  return [...outside.receipts]
    .filter(([id, receipt]) => stored.get(id) !== receipt)
    .map(
      ([id, receipt]: [string, ReceiptStatus]) => `the receipt of ${id} is ${stored.get(id)}, not ${receipt}`,
    );
}

/** A conversation is what the desk's facts make of it, in whatever order they came. */
function state(outside: Outside, stored: StoredConversation): string[] {
  const { desk_conversation_id: deskId } = stored;
  if (deskId === null) return stored.state === 'closed' ? [] : [`${stored.id} was never made`];
  const facts = outside.events
    .filter((event) => event.deskConversationId === deskId)
    .map((event) => event.facts)
    .reduce(mergeFacts, {});
  const derived = deriveState(facts);
  if (stored.state === 'closed') return [];
  const closes = derived.state === 'closed' || derived.lastAgentLeftAt !== undefined;
  if (!closes && stored.state === derived.state) return [];
  return [`${stored.id} is ${stored.state}, and the desk says ${closes ? 'closed' : derived.state}`];
}

/** Nobody waits at the desk in a conversation that is not ours. */
async function leftOpen(
  outside: Outside,
  bridge: Bridge,
  conversations: StoredConversation[],
): Promise<string[]> {
  const bound = new Set(conversations.map((each) => each.desk_conversation_id));
  return outside.desk.conversations
    .filter(({ id, ended, state: now }) => !bound.has(id) && !ended && now !== 'idle')
    .map(({ id }) => `${id} stays open at the desk, and nobody uses it`);
}
