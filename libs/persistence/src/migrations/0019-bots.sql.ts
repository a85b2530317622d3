import { conversationFunctions } from './0001-conversations.sql.js';
import { providerStates } from './0006-provider-states.sql.js';
import { windowsAndOptOuts } from './0014-windows-and-opt-outs.sql.js';
import { merging } from './0015-merging.sql.js';
import { functionIn } from './function-in.js';

/** A bot before and after the agents (ADR 0035). What older builds call keeps its signature. */
export const bots = /* sql */ `
-- where an attempt went; null: where its lane leads
alter table attempts add column destination text check (destination in ('bot'));
alter table conversations
  -- its limits where the conversation is to be handed back to the bot; null: it ends with the last agent's leaving
  add column survey jsonb,
  -- when the desk took the word that it is to be
  add column post_agent_at timestamptz,
  add column post_agent_tries int not null default 0,
  add column post_agent_not_before timestamptz,
  -- since an agent has handed it back: when it is over, whatever the desk says
  add column post_agent_until timestamptz;
create index conversations_to_hand_back on conversations (post_agent_not_before)
  where survey is not null and post_agent_at is null and state in ('queued', 'active');
create index conversations_handed_back on conversations (post_agent_until) where state = 'post-agent';

-- A bot's name in provider_states: each is a provider of its own.
create function bot_name(p_settings jsonb) returns text language sql immutable as $$
  select 'bot:' || left(encode(sha256(convert_to(p_settings #>> '{bot,url}', 'UTF8')), 'hex'), 16)
$$;

-- Lanes that wait for no other reason than earlier failures of a provider or refused credentials go on within p_spread_ms,
-- each at a time of its own; those whose conversation is being looked for, too. An answer whose author is not known waits for
-- the desk; a customer's message may wait for the desk or for its number's bot. What somebody works on is left out rather than
-- waited for.
create or replace function pull_forward(p_tenant_id text, p_provider text, p_spread_ms float8, p_limit int)
returns table (lane_id uuid, direction text, delay_ms float8) language sql as $$
  with lane as materialized (
    select l.id, random() * p_spread_ms as delay_ms
    from lanes l
    cross join lateral (
      select i.state, i.reason, i.message_id from lane_items i where i.lane_id = l.id order by i.seq limit 1) head
    where l.tenant_id = p_tenant_id and l.waiting_for in ('back-off', 'opening')
      and l.not_before > statement_timestamp() + p_spread_ms * interval '1 ms'
      and (head.state <> 'held' or head.reason = 'credentials')
      and case when p_provider like 'bot:%' then l.direction = 'inbound' and exists (
          select from threads t join business_numbers n on n.id = t.number_id
          where t.id = l.thread_id and bot_name(n.settings) = p_provider)
        else p_provider = case when l.direction = 'outbound' and not exists (
            select from messages m where m.id = head.message_id and m.author_type = 'unknown')
          then 'twilio' else 'chat-gateway' end end
    order by l.id limit p_limit for update of l skip locked
  )
  update lanes l set not_before = clock_timestamp() + lane.delay_ms * interval '1 ms'
  from lane where l.id = lane.id
  returning l.id, l.direction, lane.delay_ms
$$;

-- An item for the agents that nobody of the customer's side wrote, at the end of the inbound lane.
create function append_inbound_item(p_tenant text, p_thread_id uuid, p_id uuid, p_content json) returns uuid
language plpgsql as $$
declare
  lane record;
begin
  insert into lanes as l (id, tenant_id, thread_id, direction, next_seq) values (new_id(), p_tenant, p_thread_id, 'inbound', 1)
  on conflict (thread_id, direction) do update set next_seq = l.next_seq + 1
  returning l.id, l.next_seq into lane;
  insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery)
  values (p_id, p_tenant, p_thread_id, lane.id, 'inbound', 'bot', lane.next_seq, p_content, 'open');
  insert into lane_items (lane_id, seq, message_id, state) values (lane.id, lane.next_seq, p_id, 'open');
  return lane.id;
end $$;

-- A bot hands a customer over, once per key: 'posted', 'repeated' (the same came before under this key), 'conflict' (something
-- else did), 'unknown' (no such thread), 'served' (agents have the customer, in the conversation that is answered), 'waiting'
-- (another hand-off does). The last two are looked at without a lock: whoever delivers finds out again.
create function post_handoff(
  p_tenant text, p_thread_id uuid, p_digest bytea, p_body_digest bytea, p_id uuid, p_content json, p_actor text,
  p_operator text
) returns table (outcome text, message_id uuid, thread_id uuid, lane_id uuid, conversation_id uuid) language plpgsql as $$
#variable_conflict use_column
declare
  thread uuid;
  before record;
  served uuid;
  waiting uuid;
  lane uuid;
begin
  select coalesce(t.continues_in, t.id) into thread from threads t where t.id = p_thread_id and t.tenant_id = p_tenant;
  if thread is null then
    return query select 'unknown', null::uuid, null::uuid, null::uuid, null::uuid;
    return;
  end if;
  select k.message_id, k.body_digest into before from dedupe_keys k where k.digest = p_digest;
  if not found then
    select c.id into served from conversations c
    where c.thread_id = thread and c.state not in ('closed', 'post-agent') and c.close_due_at is null
      and (c.desk_conversation_id is not null or c.create_outcome in ('sending', 'uncertain'));
    select m.id into waiting from lanes l join lane_items i on i.lane_id = l.id join messages m on m.id = i.message_id
    where l.thread_id = thread and l.direction = 'inbound' and m.author_type = 'bot' and m.content ->> 'type' = 'handoff' limit 1;
    if served is not null or waiting is not null then
      return query select case when waiting is not null then 'waiting' else 'served' end, waiting, thread, null::uuid, served;
      return;
    end if;
    insert into dedupe_keys (digest, message_id, body_digest, origin) values (p_digest, p_id, p_body_digest, 'webhook')
    on conflict do nothing;
    if found then
      lane := append_inbound_item(p_tenant, thread, p_id, p_content);
      perform record_act(p_tenant, p_actor, p_operator, 'handoff.post', 'message', p_id, jsonb_build_object('threadId', thread));
      return query select 'posted', p_id, thread, lane, null::uuid;
      return;
    end if;
    select k.message_id, k.body_digest into before from dedupe_keys k where k.digest = p_digest;
  end if;
  return query select case when before.body_digest = p_body_digest then 'repeated' else 'conflict' end, before.message_id,
    thread, null::uuid, null::uuid;
end $$;

-- A message of a bot's or an operator's to a customer, once per key: 'posted', 'repeated' (the same came before under this
-- key), 'conflict' (something else did), 'unknown' (no such thread). After the agents, the desk gets what the bot says, too: its
-- transcript is whole, and it counts the customer's silence from there. Lock order as everywhere: keys before lanes.
create or replace function post_message(
  p_tenant text, p_thread_id uuid, p_digest bytea, p_body_digest bytea, p_id uuid, p_content json, p_actor text,
  p_operator text
) returns table (outcome text, message_id uuid, lane_id uuid) language plpgsql as $$
#variable_conflict use_column
declare
  before record;
  lane record;
  conversation record;
  copied uuid;
begin
  if not exists (select from threads t where t.id = p_thread_id and t.tenant_id = p_tenant) then
    return query select 'unknown', null::uuid, null::uuid;
    return;
  end if;
  insert into dedupe_keys (digest, message_id, body_digest, origin) values (p_digest, p_id, p_body_digest, 'webhook')
  on conflict do nothing;
  if not found then
    select k.message_id, k.body_digest into before from dedupe_keys k where k.digest = p_digest;
    return query select case when before.body_digest = p_body_digest then 'repeated' else 'conflict' end,
      before.message_id, null::uuid;
    return;
  end if;
  -- Also that of the thread which this one continues in, unless it has one of its own.
  select c.id, c.state, c.thread_id into conversation
  from threads t join conversations c on c.thread_id in (t.id, t.continues_in) and c.state <> 'closed'
  where t.id = p_thread_id order by c.thread_id <> t.id limit 1;
  if conversation.state = 'post-agent' and p_content ->> 'text' <> '' then
    copied := append_inbound_item(p_tenant, conversation.thread_id, new_id(),
      json_build_object('type', 'note', 'text', p_content ->> 'text'));
  end if;
  insert into lanes as l (id, tenant_id, thread_id, direction, next_seq) values (new_id(), p_tenant, p_thread_id, 'outbound', 1)
  on conflict (thread_id, direction) do update set next_seq = l.next_seq + 1
  returning l.id, l.next_seq into lane;
  insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery, conversation_id)
  values (p_id, p_tenant, p_thread_id, lane.id, 'outbound', 'bot', lane.next_seq, p_content, 'open', conversation.id);
  insert into lane_items (lane_id, seq, message_id, state) values (lane.id, lane.next_seq, p_id, 'open');
  perform record_act(p_tenant, p_actor, p_operator, 'message.post', 'message', p_id,
    jsonb_build_object('type', p_content ->> 'type'));
  return query select 'posted', p_id, lane.id
    union all select 'copied', null::uuid, copied where copied is not null;
end $$;

-- When a conversation that was handed back is over, whatever the desk says: its own limit, and a little for its clock.
create function post_agent_limit(p_survey jsonb) returns interval language sql immutable as $$
  select make_interval(mins => coalesce((p_survey ->> 'maxTotalMinutes')::int, 600) + 5)
$$;

-- Writes what the desk's facts make of an open conversation (derived in libs/core/src/conversation/facts.ts). Answers
-- whether texts that wait for it may go on: it has opened, or the grace before its closing was called off. A conversation
-- that is to be handed back to the bot does not close when its last agent leaves.
create or replace function apply_conversation_state(
  p_id uuid, p_state text, p_queue_id text, p_agent_id text, p_had_agent boolean, p_last_agent_left_at bigint,
  p_grace_ms int
) returns boolean language sql as $$
  with before as (
    select id, state, close_due_at, last_agent_left_at,
      p_last_agent_left_at is not null and post_agent_at is not null as handed_back
    from conversations where id = p_id and state <> 'closed' for update
  )
  update conversations c set
    state = case when before.handed_back then 'post-agent' when p_state in ('queued', 'active') then p_state else c.state end,
    queue_id = coalesce(p_queue_id, c.queue_id),
    agent_id = coalesce(p_agent_id, c.agent_id),
    had_agent = c.had_agent or p_had_agent,
    active_at = coalesce(c.active_at, case when p_state = 'active' then clock_timestamp() end),
    last_agent_left_at = p_last_agent_left_at,
    post_agent_until = case when before.handed_back
      then coalesce(c.post_agent_until, clock_timestamp() + post_agent_limit(c.survey)) end,
    close_due_at = case
      when p_last_agent_left_at is null or before.handed_back then null
      when p_last_agent_left_at is distinct from before.last_agent_left_at
        then clock_timestamp() + make_interval(secs => p_grace_ms / 1000.0)
      else before.close_due_at end
  from before where c.id = before.id
  returning before.state = 'opening' and c.state <> 'opening'
    or before.close_due_at is not null and c.close_due_at is null
$$;

-- Conversations that are to be handed back to the bot and that the desk was not told of, each for p_lease_ms, with growing
-- pauses between tries. p_webhook_id of their number: the desk's own name of us.
create function take_hand_backs(p_limit int, p_lease_ms float8) returns table (
  id uuid, tenant_id text, desk_conversation_id text, webhook_id text, survey jsonb, tries int
) language sql as $$
  with due as materialized (
    select c.id, to_jsonb(n) ->> 'chat_gateway_webhook_id' as webhook_id
    from conversations c join business_numbers n on n.id = c.number_id
    where c.survey is not null and c.post_agent_at is null and c.state in ('queued', 'active')
      and c.desk_conversation_id is not null
      and (c.post_agent_not_before is null or c.post_agent_not_before <= clock_timestamp())
    order by c.post_agent_not_before nulls first limit p_limit for update of c skip locked
  )
  update conversations c set post_agent_tries = c.post_agent_tries + 1,
    post_agent_not_before = clock_timestamp()
      + greatest(p_lease_ms, least(300000, 1000 * 2 ^ least(c.post_agent_tries, 10))) * interval '1 ms'
  from due where c.id = due.id
  returning c.id, c.tenant_id, c.desk_conversation_id, due.webhook_id, c.survey, c.post_agent_tries
$$;

-- The desk will hand it back. Where the last agent has just left, it is now; answers the lanes that waited for its closing.
create function will_hand_back(p_id uuid) returns table (lane_id uuid) language plpgsql as $$
#variable_conflict use_column
declare
  c record;
begin
  update conversations set post_agent_at = clock_timestamp() where id = p_id and state <> 'closed' returning * into c;
  if c.id is null or c.close_due_at is null then
    return;
  end if;
  update conversations set state = 'post-agent', close_due_at = null,
    post_agent_until = clock_timestamp() + post_agent_limit(c.survey)
  where id = p_id;
  return query select e.lane_id from end_wait(array[c.thread_id]) e;
end $$;

-- Texts of the customer that were posted after the last agent had left (by the desk's own times) have no reader: an
-- item that opens a new conversation with them as history goes into the inbound lane, each text once. What the bot was told
-- of has one. The caller holds the conversation's row. Answers whether there is such an item now.
create or replace function hand_over_unheard(p_id uuid) returns boolean language plpgsql as $$
declare
  c record;
  texts uuid[];
  lane uuid;
  item uuid := new_id();
  item_seq bigint;
begin
  select * into c from conversations where id = p_id;
  if c.last_agent_left_at is null then
    return false;
  end if;
  -- Announcements are of parts and carry no id of ours: each counts for the newest part with its text, however often it
  -- was announced; one whose text is none of ours (a file, a changed text) counts for the newest of the others.
  with announced as (
    select e.content_digest, count(*) as n from desk_events e
    where e.tenant_id = c.tenant_id and e.desk_conversation_id = c.desk_conversation_id
      and e.occurred_at > c.last_agent_left_at and (e.author_type = 'user' or e.ours)
    group by e.content_digest
  ), posted as (
    select m.id, m.seq, p.content_digest,
      row_number() over (partition by p.content_digest order by m.seq desc, p.n desc) as newest
    from messages m join parts p on p.message_id = m.id
    where m.conversation_id = p_id and m.direction = 'inbound' and m.delivery = 'submitted' and m.author_type = 'user'
  ), known as (
    select distinct posted.id, posted.seq from posted join announced using (content_digest)
    where posted.newest <= announced.n
  ), other as (
    select id, seq, row_number() over (order by seq desc) as newest
    from (select distinct id, seq from posted where id not in (select id from known)) x
  )
  select array_agg(id order by seq) into texts from (
    select id, seq from known
    union all
    select id, seq from other where newest <= (
      select coalesce(sum(n), 0) from announced a
      where not exists (select from posted where posted.content_digest = a.content_digest))
  ) unheard where id <> all (c.handed_over)
    and not exists (
      select from attempts a where a.message_id = unheard.id and a.destination = 'bot' and a.outcome = 'submitted');
  if texts is null then
    return false;
  end if;
  update conversations set handed_over = handed_over || texts where id = p_id;
  update lanes set next_seq = next_seq + 1 where thread_id = c.thread_id and direction = 'inbound'
  returning id, next_seq into lane, item_seq;
  insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery)
  values (item, c.tenant_id, c.thread_id, lane, 'inbound', 'bot', item_seq,
    json_build_object('type', 'reopening', 'messageIds', to_json(texts)), 'open');
  insert into lane_items (lane_id, seq, message_id, state) values (lane, item_seq, item, 'open');
  return true;
end $$;

-- Closes a conversation. Answers the inbound lane, to be woken; no row when there was nothing to close.
create or replace function close_conversation(p_id uuid, p_reason text, p_only_when_due boolean, p_end_at_desk boolean)
returns table (lane_id uuid) language plpgsql as $$
#variable_conflict use_column
declare
  c record;
  lane record;
begin
  select desk_conversation_id into c from conversations where id = p_id;
  if c.desk_conversation_id is not null then
    perform 1 from desk_conversations d join conversations x on x.tenant_id = d.tenant_id and x.id = p_id
    where d.id = c.desk_conversation_id for update of d;
  end if;
  select * into c from conversations where id = p_id for update;
  if c.id is null or c.state = 'closed'
    or p_only_when_due and (c.close_due_at is null or c.close_due_at > clock_timestamp()) then
    return;
  end if;
  update conversations set state = 'closed', closed_at = clock_timestamp(), close_reason = p_reason,
    close_due_at = null
  where id = p_id;
  if p_end_at_desk and c.desk_conversation_id is not null then
    update desk_conversations set end_wanted_at = coalesce(end_wanted_at, now())
    where tenant_id = c.tenant_id and id = c.desk_conversation_id;
  end if;

  insert into lanes (id, tenant_id, thread_id, direction) values (new_id(), c.tenant_id, c.thread_id, 'inbound')
  on conflict (thread_id, direction) do nothing;
  select l.id, l.waiting_for into lane from lanes l
  where l.thread_id = c.thread_id and l.direction = 'inbound' for update;
  if lane.waiting_for in ('opening', 'closing') then
    update lanes set not_before = null, waiting_for = null where id = lane.id;
  end if;
  update lanes l set continues_in = t.continues_in from threads t
  where l.id = lane.id and t.id = c.thread_id and t.continues_in is not null;
  if p_reason in ('agent-left', 'idle', 'gone', 'handed-over', 'survey-over') then
    perform hand_over_unheard(p_id);
  end if;
  return query select lane.id;
end $$;

-- A customer's text was announced after its conversation had closed: if the agent had left before it was posted, it is
-- handed over like those that were known at closing. Answers the inbound lane, to be woken.
create or replace function hand_over_late(p_id uuid) returns table (lane_id uuid) language plpgsql as $$
#variable_conflict use_column
begin
  perform 1 from conversations where id = p_id and state = 'closed' and close_reason in ('agent-left', 'idle', 'gone', 'handed-over', 'survey-over')
  for update;
  if found and hand_over_unheard(p_id) then
    return query select l.id from lanes l join conversations c on c.thread_id = l.thread_id
    where c.id = p_id and l.direction = 'inbound';
  end if;
end $$;
`;

/** The functions as they were. What was handed back ends as it would have without that. */
export const botsBefore = /* sql */ `
update conversations set state = 'active', close_due_at = clock_timestamp() where state = 'post-agent';
${functionIn(providerStates, 'pull_forward')}
${functionIn(windowsAndOptOuts, 'post_message')}
${functionIn(conversationFunctions, 'apply_conversation_state')}
${functionIn(conversationFunctions, 'hand_over_unheard')}
${functionIn(conversationFunctions, 'hand_over_late')}
${functionIn(merging, 'close_conversation')}
drop function post_handoff(text, uuid, bytea, bytea, uuid, json, text, text);
drop function append_inbound_item(text, uuid, uuid, json);
drop function take_hand_backs(int, float8);
drop function will_hand_back(uuid);
drop function post_agent_limit(jsonb);
drop function bot_name(jsonb);
delete from provider_states where provider like 'bot:%';
drop index conversations_handed_back;
drop index conversations_to_hand_back;
alter table conversations drop column post_agent_until, drop column post_agent_not_before, drop column post_agent_tries,
  drop column post_agent_at, drop column survey;
alter table attempts drop column destination;
`;
