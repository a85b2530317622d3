/** The statements of delivery. Each names what guards it; `name` makes Postgres keep its plan per connection. */
export interface Statement {
  name: string;
  text: string;
}

function statement(name: string, text: string): Statement {
  return { name, text };
}

export const claim = statement(
  'claim',
  `with claimed as (
     update lanes set fence = fence + 1, lease_until = clock_timestamp() + $2 * interval '1 ms',
       not_before = null, waiting_for = null
     where id = $1 and (lease_until is null or lease_until <= clock_timestamp())
       and (not_before is null or not_before <= clock_timestamp()) and paused_at is null and follows_since is null
       and exists (select from lane_items where lane_id = $1)
     returning id, fence, direction, tenant_id, thread_id, failures
   )
   select l.*, t.customer_id, t.customer_address, c.name as customer_name,
     c.language as customer_language, n.id as number_id, n.channel, n.address, n.account_sid,
     n.messaging_service_sid, n.state as number_state, n.chat_gateway_channel_id, n.queue_id, n.language,
     n.settings, l.direction = 'outbound' and is_opted_out(l.tenant_id, n.account_sid, n.address,
       n.messaging_service_sid, t.customer_id) as opted_out
   from claimed l join threads t on t.id = l.thread_id join customers c on c.id = t.customer_id
   join business_numbers n on n.id = t.number_id`,
);

const headColumns = `i.seq, i.message_id, i.state, i.reason, i.tries, m.content, m.author_type, m.author_id,
   m.conversation_id, (extract(epoch from clock_timestamp() - m.accepted_at) * 1000 - i.still_ms - case when l.still_since is null then 0
     else extract(epoch from clock_timestamp() - greatest(l.still_since, m.accepted_at)) * 1000 end)::float8 as age_ms,
   l.still_since is not null as stood_still,
   (select coalesce(json_agg(json_build_object('n', p.n, 'content', p.content) order by p.n), '[]')
     from parts p where p.message_id = i.message_id) as parts,
   (select coalesce(json_agg(json_build_object('id', a.id, 'partN', a.part_n, 'kind', a.kind,
       'destination', a.destination, 'outcome', a.outcome,
       'startedAt', extract(epoch from a.started_at) * 1000,
       'startedAgoMs', extract(epoch from clock_timestamp() - a.started_at) * 1000,
       'endedAgoMs', extract(epoch from clock_timestamp() - a.ended_at) * 1000,
       'providerId', a.provider_id, 'receipt', a.receipt, 'errorCode', a.error_code,
       'lookUpFailingMs', extract(epoch from clock_timestamp() - a.look_up_failing_since) * 1000) order by a.id), '[]')
     from attempts a where a.message_id = i.message_id and (m.replay_from is null or a.id >= m.replay_from)) as attempts`;

/** The head of a lane from which something may be taken. */
const head = `from lane_items i join lanes l on l.id = i.lane_id and l.paused_at is null and l.follows_since is null
   join messages m on m.id = i.message_id`;

const conversationJson = `json_build_object('id', c.id, 'state', c.state,
   'deskConversationId', c.desk_conversation_id, 'createAttemptId', c.create_attempt_id,
   'createOutcome', c.create_outcome, 'createHistory', c.create_history,
   'createStartedAt', extract(epoch from c.create_started_at) * 1000,
   'createStartedAgoMs', extract(epoch from clock_timestamp() - c.create_started_at) * 1000,
   'createEndedAgoMs', extract(epoch from clock_timestamp() - c.create_ended_at) * 1000,
   'readyInMs', extract(epoch from c.ready_by - clock_timestamp()) * 1000,
   'closesInMs', extract(epoch from c.close_due_at - clock_timestamp()) * 1000, 'endsAfter', c.ends_after)`;

export const outboundHead = statement(
  'outbound-head',
  `select ${headColumns}, null as conversation, null as reply_window, false as behind_window
   ${head} where i.lane_id = $1 order by i.seq limit 1`,
);

// What waits for the customer to write does not hold up what needs no word of theirs.
export const outboundHeadByWindow = statement(
  'outbound-head-by-window',
  `select ${headColumns}, null as conversation, reply_window(i.lane_id, $2) as reply_window,
     exists (select from lane_items w where w.lane_id = i.lane_id and w.seq < i.seq) as behind_window
   ${head} where i.lane_id = $1 and i.seq = (
     select case when f.state = 'held' and f.reason = 'window' then coalesce((select min(n.seq) from lane_items n
       where n.lane_id = f.lane_id and (n.state <> 'held' or n.reason <> 'window')), f.seq) else f.seq end
     from lane_items f where f.lane_id = $1 order by f.seq limit 1)`,
);

// What the conversation was created with is older than whatever waits for it: of that only the files are still to come.
export const inboundHead = statement(
  'inbound-head',
  `select ${headColumns}, case when c.id is not null then ${conversationJson} end as conversation,
     (select t.offered_at > m.accepted_at - interval '1 day' from threads t where t.id = m.thread_id) as offered, null as reply_window, false as behind_window
   ${head} left join conversations c on c.thread_id = coalesce(l.continues_in, m.thread_id) and c.state <> 'closed'
   where i.lane_id = $1 and i.seq = coalesce((
       select min(o.seq) from lanes own join conversations x on x.thread_id = coalesce(own.continues_in, own.thread_id)
         and x.state <> 'closed' and x.desk_conversation_id is not null
       join messages o on o.id = any (x.create_history) and o.lane_id = own.id
       where own.id = $1 and exists (select from lane_items w where w.lane_id = o.lane_id and w.seq = o.seq)),
     (select min(seq) from lane_items where lane_id = $1))`,
);

/** The lease as long as it is ours; every guarded statement begins with it. */
const leaseRenewed = `lane as (
   update lanes set lease_until = clock_timestamp() + $3 * interval '1 ms'
   where id = $1 and fence = $2 and lease_until is not null returning id
 )`;

export const renew = statement('renew', `with ${leaseRenewed} select id from lane`);

const storingParts = `with lane as (select id from lanes where id = $1 and fence = $2 for update),
   stored as (
     insert into parts (message_id, n, content, content_digest)
     select $3, p.n, p.content, p.digest
     from unnest($4::int[], $5::json[], $6::bytea[]) as p (n, content, digest), lane
     on conflict do nothing
   )`;

export const storeParts = statement('store-parts', `${storingParts} select id from lane`);

export const storePartsDeletingMedia = statement(
  'store-parts-deleting-media',
  `${storingParts},
   deletion as (insert into media_deletions (message_id) select $3 from lane on conflict do nothing)
   select id from lane`,
);

export const storePartsSubmittingCard = statement(
  'store-parts-submitting-card',
  `${storingParts},
   submission as (insert into card_submissions_due (message_id) select $3 from lane on conflict do nothing)
   select id from lane`,
);

export const replaceParts = statement(
  'replace-parts',
  `with lane as (select id from lanes where id = $1 and fence = $2 and lease_until is not null for update),
   gone as (delete from parts p using lane where p.message_id = $3 and p.n > cardinality($4::int[])),
   stored as (
     insert into parts as s (message_id, n, content, content_digest)
     select $3, p.n, p.content, p.digest
     from unnest($4::int[], $5::json[], $6::bytea[]) as p (n, content, digest), lane
     on conflict (message_id, n) do update set content = excluded.content, content_digest = excluded.content_digest
   ),
   deletion as (insert into media_deletions (message_id) select $3 from lane where $7 on conflict do nothing),
   submission as (insert into card_submissions_due (message_id) select $3 from lane where $8 on conflict do nothing)
   select id from lane`,
);

export const replacePart = statement(
  'replace-part',
  `with lane as (select id from lanes where id = $1 and fence = $2 and lease_until is not null for update),
   replaced as (
     update parts p set content = $5, content_digest = $6 from lane where p.message_id = $3 and p.n = $4
   )
   select id from lane`,
);

// The agent hears of files that are left out, where anything goes out; where nothing does, the failure says it.
export const storePartsWithRefused = statement(
  'store-parts-with-refused',
  `with lane as (select id from lanes where id = $1 and fence = $2 for update),
   stored as (
     insert into parts (message_id, n, content, content_digest)
     select $3, p.n, p.content, p.digest
     from unnest($4::int[], $5::json[], $6::bytea[]) as p (n, content, digest), lane
     on conflict do nothing returning n
   ),
   message as (
     update messages m set refused = $7 from lane where m.id = $3 returning m.id, m.tenant_id
   ),
   told as (
     insert into notes_due (id, tenant_id, message_id, kind)
     select new_id(), tenant_id, id, 'media-refused' from message where exists (select from stored)
   )
   select id from lane`,
);

/** A thread, and those that it continues. */
const threads = (id: string) => `threads t on (t.id = ${id} or t.continues_in = ${id})`;

// Ids of what was received stand in no index: of a thread's own messages, the last thousand are read.
export const quoted = statement(
  'quoted',
  `select q.content, q.part from (
     select m.content, null::json as part
     from lanes l join ${threads('$1')} and t.id = l.thread_id
     cross join lateral (
       select content, provider_message_id, seq from messages where lane_id = l.id order by seq desc limit 1000) m
     where l.direction = 'inbound' and m.provider_message_id = $2
     union all
     select m.content, p.content
     from attempts a join messages m on m.id = a.message_id join ${threads('$1')} and t.id = m.thread_id
     left join parts p on p.message_id = a.message_id and p.n = a.part_n
     where a.provider_id = $2
   ) q limit 1`,
);

// Without its item the head is at its end: a late report of failure came between reading and this.
export const intent = statement(
  'intent',
  `with ${leaseRenewed},
   item as (
     update lane_items i set state = 'sending', reason = null from lane
     where i.lane_id = lane.id and i.seq = $6 returning i.message_id
   ),
   attempt as (
     insert into attempts (message_id, id, part_n, kind, conversation_id, fence, outcome, encoding, segments, destination)
     select message_id, $4, $7, 'send', $8, $2, 'sending', $9, $10, $11 from item
   ),
   message as (
     update messages m set delivery = 'sending', reason = null,
       conversation_id = coalesce($8, m.conversation_id)
     from item where m.id = $5
   )
   select message_id from item`,
);

// Remembered with the intent, so that whatever becomes of the call, nobody is asked twice.
export const intentTemplate = statement(
  'intent-template',
  `with lane as (
     update lanes set lease_until = clock_timestamp() + $3 * interval '1 ms', template_sent_at = clock_timestamp()
     where id = $1 and fence = $2 and lease_until is not null returning id
   ),
   item as (
     select i.message_id from lane_items i join lane on i.lane_id = lane.id where i.seq = $6
   )
   insert into attempts (message_id, id, part_n, kind, fence, outcome)
   select message_id, $4, 0, 'template', $2, 'sending' from item where message_id = $5 returning message_id`,
);

export const holdForWindow = statement(
  'hold-for-window',
  'select hold_for_window($1, $2, $3, $4, $5, $6, $7, $8) as delivery',
);

export const windowClosed = statement(
  'window-closed',
  `update lanes l set window_closed_at = greatest(l.window_closed_at, a.started_at)
   from attempts a
   where l.id = $1 and l.fence = $2 and l.lease_until is not null and a.message_id = $3 and a.id = $4 returning l.id`,
);

export const openWindow = statement(
  'open-window',
  `with lane as (select id from lanes where id = $1 and fence = $2 and lease_until is not null for update),
   opened as (
     update lane_items i set state = 'open', reason = null from lane
     where i.lane_id = lane.id and i.state = 'held' and i.reason = 'window' returning i.message_id
   ),
   messages as (update messages m set delivery = 'open', reason = null from opened where m.id = opened.message_id)
   select id from lane`,
);

export const optInLifted = statement(
  'opt-in-lifted',
  'select exists (select from opt_outs where source = $1 and lifted) as lifted',
);

export const templateRefused = statement(
  'template-refused',
  `update lanes set template_sent_at = null where id = $1 and fence = $2 and lease_until is not null returning id`,
);

export const recordRefusal = statement('record-refusal', 'select record_refusal($1, $2, null)');

/** Columns of an attempt's end, as parameters from $first on: see attemptValues. */
function attemptEnd(first: number): string {
  const at = (offset: number) => `$${first + offset}`;
  return `ended_at = coalesce(a.ended_at, clock_timestamp()), outcome = ${at(0)},
   provider_id = coalesce(${at(1)}, a.provider_id),
   receipt = case when receipt_rank(${at(2)}) > receipt_rank(a.receipt) then ${at(2)} else a.receipt end,
   http_status = ${at(3)}, error_class = ${at(4)}, error_code = ${at(5)}, provider_code = ${at(6)}`;
}

export const settle = statement(
  'settle',
  `select settle_head($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
     $22, $23) as delivery`,
);

// What was accepted before the standstill began stood still for all of it.
export const endStandstill = statement(
  'end-standstill',
  `with lane as (
     select id, still_since from lanes where id = $1 and fence = $2 and lease_until is not null for update
   ),
   items as (
     update lane_items i set still_ms = i.still_ms
       + extract(epoch from clock_timestamp() - greatest(lane.still_since, m.accepted_at)) * 1000
     from lane, messages m where i.lane_id = lane.id and m.id = i.message_id and lane.still_since is not null
   )
   update lanes l set still_since = null from lane where l.id = lane.id returning l.id`,
);

/** Attempts that may have left $content there as well, other than the open ones of the part in question. */
const doubtful = `a.kind = 'send' and a.outcome in ('sending', 'uncertain', 'abandoned') and a.provider_id is null
     and not (a.message_id = part.message_id and a.part_n = part.n and a.outcome <> 'abandoned')`;

// By the lane's last messages only: whatever was sent since then is among them. A part whose text the provider alters is told
// from no other.
export const sentToCustomer = statement(
  'sent-to-customer',
  `with part as materialized (select message_id, n, content_digest, content::text ~ '"(interactive|content|location)":' as altered
     from parts where message_id = $3 and n = $4),
   recent as materialized (
     select a.* from messages m join attempts a on a.message_id = m.id
     where m.lane_id = $1 and m.seq > $2 - 500 and a.started_at >= to_timestamp($5::float8 / 1000)
   )
   select array(select distinct a.provider_id from recent a where a.kind = 'send' and a.outcome = 'submitted'
       and a.provider_id is not null and a.started_at >= to_timestamp($5::float8 / 1000) + interval '1 minute') as known,
     exists (select from part, recent a join parts p on p.message_id = a.message_id and p.n = a.part_n
       where (p.content_digest = part.content_digest or part.altered) and ${doubtful}) as doubtful`,
);

/** Whether a part of this message was posted by a bot: what a create has carried is, and a reopening's own texts are not. */
const isBots = (m: string) =>
  `(${m}.author_type = 'bot' and (${m}.content ->> 'type' <> 'reopening' or ${m}.id = any (c.create_history)))`;

// Of what a build before has created with a history, nobody knows how often that holds anything.
export const sentToDesk = statement(
  'sent-to-desk',
  `with part as materialized (select message_id, n, content_digest from parts where message_id = $1 and n = $2),
   same as materialized (
     select a.* from attempts own
     join attempts a on a.conversation_id = own.conversation_id and a.kind = 'send'
     join messages m on m.id = a.message_id
     join parts p on p.message_id = a.message_id and p.n = a.part_n join part on part.content_digest = p.content_digest
     join messages o on o.id = own.message_id join conversations c on c.id = own.conversation_id
     where own.message_id = $1 and own.id = $3 and ${isBots('m')} = ${isBots('o')}
   )
   select case when ${isBots('o')} then 'bot' else 'user' end as "authorType", c.id as "conversationId", c.state = 'closed' as closed, c.desk_conversation_id as "deskConversationId",
     (select count(*) from same where outcome = 'submitted')::int as certain,
     exists (select from part, same a where ${doubtful}) as doubtful,
     case when c.create_digests is null then cardinality(c.create_history) * 1000
       else (select count(*) from part, unnest(c.create_digests) d where d = part.content_digest)::int end as "inHistory"
   from attempts own join messages o on o.id = own.message_id join conversations c on c.id = own.conversation_id
   where own.message_id = $1 and own.id = $3 and c.desk_conversation_id is not null`,
);

export const unbound = statement(
  'unbound',
  `select i.id from unnest($1::text[]) as i (id)
   where not exists (select from attempts a where a.provider_id = i.id and a.id <> $2)`,
);

export const wait = statement(
  'wait',
  `update lanes set not_before = clock_timestamp() + $3 * interval '1 ms', waiting_for = $4
   where id = $1 and fence = $2 and lease_until is not null returning id`,
);

export const waitForReceipt = statement(
  'wait-for-receipt',
  `with lane as (
     update lanes set not_before = clock_timestamp() + $3 * interval '1 ms', waiting_for = 'back-off'
     where id = $1 and fence = $2 and lease_until is not null returning id, not_before
   ),
   over as (delete from receipt_waits where waits_until < clock_timestamp() and attempt_id <> $4),
   awaited as (
     insert into receipt_waits (attempt_id, lane_id, rank, waits_until)
     select $4, id, receipt_rank($5), not_before from lane
     on conflict (attempt_id) do update set waits_until = excluded.waits_until
   )
   select id from lane`,
);

export const release = statement(
  'release',
  'update lanes set lease_until = null where id = $1 and fence = $2',
);

export const lookAgain = statement('look-again', 'select * from look_again($1)');

export const meetHours = statement('meet-hours', 'select meet_hours($1, $2, $3, $4, $5) as closed');

// The lane is locked so that its thread either has this conversation before it is merged, or is found to go on elsewhere.
export const openConversation = statement(
  'open-conversation',
  `insert into conversations as c (id, tenant_id, thread_id, number_id, state)
   select $3, l.tenant_id, coalesce(l.continues_in, l.thread_id), $4, 'opening' from lanes l
   where l.id = $1 and l.fence = $2 and l.lease_until is not null for update of l
   on conflict (thread_id) where state <> 'closed' do nothing
   returning ${conversationJson} as conversation`,
);

// The conversation is locked before the lane, as everywhere: an event locks them in that order.
export const intentCreate = statement(
  'intent-create',
  `with conversation as materialized (
     select id from conversations where id = $4 and state <> 'closed' and desk_conversation_id is null for update
   ),
   lane as (
     update lanes l set lease_until = clock_timestamp() + $3 * interval '1 ms'
     from conversation where l.id = $1 and l.fence = $2 and l.lease_until is not null returning l.id
   ),
   attempt as (
     insert into attempts (message_id, id, part_n, kind, conversation_id, fence, outcome)
     select $6, $5, 0, 'create', $4, $2, 'sending' from lane
   ),
   begun as (
     update conversations c set create_attempt_id = $5, create_message_id = $6, create_outcome = 'sending',
       create_started_at = clock_timestamp(), create_ended_at = null, create_history = $7, details = $8, create_digests = $9,
       survey = $10, queue_id = $11
     from lane where c.id = $4
   ),
   handed_over as (
     update messages m set conversation_id = $4 from lane
     where m.id = any ($7) and m.author_type = 'bot' and m.content ->> 'type' = 'handoff'
   )
   select id from lane`,
);

export const endCreate = statement(
  'end-create',
  `with conversation as materialized (select id from conversations where id = $3 for update),
   lane as (
     select l.id from lanes l, conversation where l.id = $1 and l.fence = $2 and l.lease_until is not null for update of l
   ),
   attempt as (
     update attempts a set ${attemptEnd(7)}
     from lane where a.message_id = $5 and a.id = $6 and a.outcome <> 'submitted'
   ),
   ended as (
     update conversations c set create_outcome = $4, create_ended_at = clock_timestamp()
     from lane where c.id = $3 and c.create_attempt_id = $6 and c.create_outcome = 'sending'
   )
   select id from lane`,
);

export const bind = statement('bind', 'select * from bind_conversation($1, $2, $3, $4, $5)');

export const deskFacts = statement(
  'desk-facts',
  'select facts from desk_conversations where tenant_id = $1 and id = $2',
);

export const deskFactsAre = statement(
  'desk-facts-are',
  'select 1 from desk_conversations where tenant_id = $1 and id = $2 and facts = $3::jsonb',
);

export const reopenings = statement(
  'reopenings',
  `select m.id, m.content
   from lane_items i join messages m on m.id = i.message_id
   where i.lane_id = $1 and m.author_type = 'bot' and m.content ->> 'type' in ('reopening', 'handoff')
   union all
   select m.id, m.content
   from lanes l join ${threads('coalesce(l.continues_in, l.thread_id)')} join waiting_notes w on w.thread_id = t.id
   join messages m on m.id = w.message_id
   where l.id = $1 and m.delivery = 'held' and m.reason = 'no-conversation'
   order by id`,
);

export const hasHandOver = statement(
  'has-hand-over',
  `select exists (select from lane_items i join messages m on m.id = i.message_id
     where i.lane_id = $1 and m.author_type = 'bot' and m.content ->> 'type' = any ($2)) as waits`,
);

export const giveUpConversation = statement(
  'give-up-conversation',
  'select * from close_conversation($1, $2, false, true)',
);

export const historyParts = statement(
  'history-parts',
  `select p.content from parts p join messages m on m.id = p.message_id
   where p.message_id = any ($1::uuid[]) order by m.seq, p.n`,
);

// Notes and hand-overs are none of what was said. What an item hands over stands in its history. By when the message came, as
// tell_welcome has it: it may have waited for hours since.
export const recentHistory = statement(
  'recent-history',
  `with last as materialized (
     select c.id, c.queue_id, c.handed_over
     from messages m join lanes l on l.id = m.lane_id
     join ${threads('coalesce(l.continues_in, l.thread_id)')} join conversations c on c.thread_id = t.id
     where m.id = $1 and c.state = 'closed' and c.closed_at > m.accepted_at - $2 * interval '1 minute'
     order by c.closed_at desc limit 1
   )
   select last.queue_id, said.direction, said.content, said.parts
   from last left join lateral (
     select m.id, m.direction, m.content,
       (select json_agg(p.content order by p.n) from parts p where p.message_id = m.id) as parts
     from messages m
     where m.conversation_id = last.id and m.delivery = 'submitted' and m.id <> all (last.handed_over)
       and (m.direction = 'outbound' or m.author_type = 'user')
     order by m.id desc limit $3
   ) said on true
   order by said.id`,
);

export const closeConversation = statement(
  'close-conversation',
  'select * from close_conversation($1, $2, false, false)',
);

export const endAfter = statement('end-after', 'select end_conversation_after($1, $2, $3)');

export const endConversation = statement('end-conversation', 'select * from end_conversation($1)');

export const recentlyGone = statement(
  'recently-gone',
  `select count(*)::int as n from conversations
   where thread_id = $1 and close_reason = 'gone' and closed_at > clock_timestamp() - interval '10 minutes'`,
);

// What we posted with this content, less the announcements that account for it already.
export const unaccountedFor = statement(
  'unaccounted-for',
  `select (
     (select count(*) from attempts a join parts p on p.message_id = a.message_id and p.n = a.part_n
       where a.conversation_id = $1 and a.kind = 'send' and a.outcome in ('sending', 'submitted', 'uncertain', 'abandoned')
         and p.content_digest = $2)
     - (select count(*) from desk_events e
       join desk_conversations d on d.tenant_id = e.tenant_id and d.id = e.desk_conversation_id
       where d.conversation_id = $1 and e.content_digest = $2 and (e.author_type in ('user', 'bot') or e.ours))
   )::int as n`,
);

export const dropEcho = statement(
  'drop-echo',
  `with lane as (select id from lanes where id = $1 and fence = $2 and lease_until is not null for update),
   item as (delete from lane_items i using lane where i.lane_id = lane.id and i.seq = $4),
   message as (delete from messages m using lane where m.id = $3 returning m.id),
   event as (update desk_events e set ours = true, message_id = null from message where e.message_id = message.id)
   select id from lane`,
);

export const handOverLate = statement('hand-over-late', 'select * from hand_over_late($1)');

export const resolveAuthor = statement(
  'resolve-author',
  `with lane as (select id from lanes where id = $1 and fence = $2 and lease_until is not null for update),
   message as (update messages m set author_type = $4 from lane where m.id = $3)
   select id from lane`,
);

export const offered = statement(
  'offered',
  `update threads set offered_at = clock_timestamp()
   where id = $1 or id = (select continues_in from threads where id = $1)`,
);

// Looked for in the text of the parts, which may hold what their JSON cannot be read for: NUL. An offer counts from when it
// was sent, for an answer may overtake the word that it was.
export const offers = statement(
  'offers',
  `with own as materialized (select thread_id, lane_id, seq, accepted_at from messages where id = $1),
   made as materialized (
     select p.message_id, p.content, a.started_at from own
     join ${threads('own.thread_id')} join lanes l on l.thread_id = t.id and l.direction = 'outbound'
     join messages m on m.lane_id = l.id and m.seq > l.next_seq - 200
     join parts p on p.message_id = m.id and p.content::text like '%"choices":[%'
     join lateral (
       select max(a.started_at) as started_at from attempts a
       where a.message_id = p.message_id and a.part_n = p.n and a.kind = 'send'
         and a.outcome in ('sending', 'submitted', 'uncertain', 'abandoned') and a.started_at <= own.accepted_at
     ) a on a.started_at > own.accepted_at - interval '1 day'
     order by a.started_at desc limit 10
   )
   select made.message_id as "messageId", made.content,
     exists (select from own join messages i on i.lane_id = own.lane_id and i.seq < own.seq and i.seq > own.seq - 200
       join parts p on p.message_id = i.id
       where p.content::text like '%"offeredBy":"' || made.message_id || '"%') as answered
   from made order by made.started_at desc`,
);

export const conversationFacts = statement(
  'conversation-facts',
  'select desk_conversation_id, had_agent from conversations where id = $1',
);
