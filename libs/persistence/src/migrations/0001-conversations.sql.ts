/**
 * The functions of a conversation's life. Each is one statement for its caller, so that a worker never holds a row
 * across a round trip. Lock order: desk conversations, conversations, lanes by (thread, direction).
 */
export const conversationFunctions = /* sql */ `
-- Appends messages for customers to the outbound lanes of their threads. Arrays are parallel, in lane order.
create function append_outbound(
  p_message_id uuid[], p_tenant text[], p_thread_id uuid[], p_conversation_id uuid[], p_author_type text[],
  p_author_id text[], p_content json[], p_out_of_order boolean[]
) returns table (lane_id uuid) language plpgsql as $$
#variable_conflict use_column
declare
  lane_ids uuid[];
  stored int;
begin
  with item as (
    select * from unnest(p_message_id, p_tenant, p_thread_id, p_conversation_id, p_author_type, p_author_id,
      p_content, p_out_of_order) with ordinality
      as i (message_id, tenant, thread_id, conversation_id, author_type, author_id, content, out_of_order, ord)
  ), lane as (
    insert into lanes as l (id, tenant_id, thread_id, direction, next_seq)
    select new_id(), min(item.tenant), item.thread_id, 'outbound', count(*) from item
    group by item.thread_id order by item.thread_id
    on conflict (thread_id, direction) do update set next_seq = l.next_seq + excluded.next_seq
    returning l.id, l.thread_id, l.next_seq
  ), numbered as (
    select item.*, lane.id as lane_id, lane.next_seq - count(*) over (partition by item.thread_id)
      + row_number() over (partition by item.thread_id order by item.ord) as seq
    from item join lane on lane.thread_id = item.thread_id
  ), stored_messages as (
    insert into messages (id, tenant_id, thread_id, lane_id, conversation_id, direction, author_type, author_id, seq,
      content, delivery, out_of_order)
    select message_id, tenant, thread_id, lane_id, conversation_id, 'outbound', author_type, author_id, seq,
      content, 'open', out_of_order
    from numbered returning id
  ), stored_items as (
    insert into lane_items (lane_id, seq, message_id, state)
    select lane_id, seq, message_id, 'open' from numbered returning seq
  )
  select (select count(*) from stored_messages), array_agg(distinct numbered.lane_id) into stored, lane_ids
  from numbered;
  if stored is distinct from cardinality(p_message_id) then
    raise exception 'append_outbound: % items but % messages', cardinality(p_message_id), stored;
  end if;
  return query select unnest(lane_ids);
end $$;

-- Moves what was parked for one desk conversation into its lane, by the events' time. The caller holds the row of
-- the desk conversation.
create function move_parked(p_tenant text, p_desk_id text) returns table (lane_id uuid) language plpgsql as $$
#variable_conflict use_column
declare
  c record;
  p record;
begin
  select c.id, c.thread_id into c from desk_conversations d join conversations c on c.id = d.conversation_id
  where d.tenant_id = p_tenant and d.id = p_desk_id;
  if c.id is null then
    return;
  end if;
  with taken as (
    update desk_events e set parked = false, message_id = new_id()
    where e.parked and e.tenant_id = p_tenant and e.desk_conversation_id = p_desk_id
    returning e.id, e.message_id, e.author_type, e.author_id, e.content, e.occurred_at
  )
  select array_agg(message_id order by occurred_at, id) as message_ids,
    array_agg(author_type order by occurred_at, id) as author_types,
    array_agg(author_id order by occurred_at, id) as author_ids,
    array_agg(content order by occurred_at, id) as contents, count(*)::int as n
  into p from taken;
  if p.n = 0 then
    return;
  end if;
  return query select a.lane_id from append_outbound(p.message_ids, array_fill(p_tenant, array[p.n]),
    array_fill(c.thread_id, array[p.n]), array_fill(c.id, array[p.n]), p.author_types, p.author_ids, p.contents,
    array_fill(false, array[p.n])) a;
end $$;

-- Binds a desk conversation to ours: by the create's answer, by our correlation value in an event, or by the list.
-- 'bound': it is ours now (or was already); 'orphan': another is, or ours is closed: this one will be ended;
-- 'foreign': it belongs to another conversation, or names one that is not here: left alone.
create function bind_conversation(
  p_tenant text, p_desk_id text, p_conversation_id uuid, p_attempt_id uuid, p_ready_ms int
) returns table (result text, lane_id uuid) language plpgsql as $$
#variable_conflict use_column
declare
  owner uuid;
  c record;
begin
  insert into desk_conversations (tenant_id, id) values (p_tenant, p_desk_id) on conflict do nothing;
  select d.conversation_id into owner from desk_conversations d
  where d.tenant_id = p_tenant and d.id = p_desk_id for update;
  select * into c from conversations where id = p_conversation_id and tenant_id = p_tenant for update;
  if c.id is null or owner is distinct from c.id and owner is not null then
    return query select 'foreign', null::uuid;
    return;
  end if;

  update attempts set outcome = 'submitted', ended_at = coalesce(ended_at, clock_timestamp()), provider_id = p_desk_id
  where message_id = c.create_message_id and id = p_attempt_id;
  if c.desk_conversation_id is distinct from p_desk_id
    and (c.desk_conversation_id is not null or c.state = 'closed') then
    update desk_conversations set end_wanted_at = coalesce(end_wanted_at, now())
    where tenant_id = p_tenant and id = p_desk_id;
    return query select 'orphan', null::uuid;
    return;
  end if;

  if c.desk_conversation_id is null then
    update conversations set desk_conversation_id = p_desk_id, create_outcome = 'created',
      create_ended_at = coalesce(create_ended_at, clock_timestamp()),
      ready_by = clock_timestamp() + make_interval(secs => p_ready_ms / 1000.0)
    where id = c.id;
    update desk_conversations set conversation_id = c.id where tenant_id = p_tenant and id = p_desk_id;
  end if;
  return query select 'bound', null::uuid
    union all select 'bound', m.lane_id from move_parked(p_tenant, p_desk_id) m;
end $$;

-- Ends the wait of inbound lanes for a conversation that opened, closed or goes on. Answers the lanes to wake.
create function end_wait(p_thread_ids uuid[]) returns table (lane_id uuid) language sql as $$
  with locked as (
    select id from lanes where thread_id = any (p_thread_ids) and direction = 'inbound'
      and waiting_for in ('opening', 'closing')
    order by thread_id for update
  )
  update lanes l set not_before = null, waiting_for = null from locked where l.id = locked.id returning l.id
$$;

-- Writes what the desk's facts make of an open conversation (derived in libs/core/src/conversation/facts.ts). Answers
-- whether texts that wait for it may go on: it has opened, or the grace before its closing was called off.
create function apply_conversation_state(
  p_id uuid, p_state text, p_queue_id text, p_agent_id text, p_had_agent boolean, p_last_agent_left_at bigint,
  p_grace_ms int
) returns boolean language sql as $$
  with before as (
    select id, state, close_due_at, last_agent_left_at from conversations
    where id = p_id and state <> 'closed' for update
  )
  update conversations c set
    state = case when p_state in ('queued', 'active') then p_state else c.state end,
    queue_id = coalesce(p_queue_id, c.queue_id),
    agent_id = coalesce(p_agent_id, c.agent_id),
    had_agent = c.had_agent or p_had_agent,
    active_at = coalesce(c.active_at, case when p_state = 'active' then clock_timestamp() end),
    last_agent_left_at = p_last_agent_left_at,
    close_due_at = case
      when p_last_agent_left_at is null then null
      when p_last_agent_left_at is distinct from before.last_agent_left_at
        then clock_timestamp() + make_interval(secs => p_grace_ms / 1000.0)
      else before.close_due_at end
  from before where c.id = before.id
  returning before.state = 'opening' and c.state <> 'opening'
    or before.close_due_at is not null and c.close_due_at is null
$$;

-- Texts of the customer that were posted after the last agent had left (by the desk's own times) have no reader: an
-- item that opens a new conversation with them as history goes into the inbound lane, each text once. The caller
-- holds the conversation's row. Answers whether there is such an item now.
create function hand_over_unheard(p_id uuid) returns boolean language plpgsql as $$
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
  ) unheard where id <> all (c.handed_over);
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
create function close_conversation(p_id uuid, p_reason text, p_only_when_due boolean, p_end_at_desk boolean)
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
  if p_reason in ('agent-left', 'idle', 'gone') then
    perform hand_over_unheard(p_id);
  end if;
  return query select lane.id;
end $$;

-- A customer's text was announced after its conversation had closed: if the agent had left before it was posted, it is
-- handed over like those that were known at closing. Answers the inbound lane, to be woken.
create function hand_over_late(p_id uuid) returns table (lane_id uuid) language plpgsql as $$
#variable_conflict use_column
begin
  perform 1 from conversations where id = p_id and state = 'closed' and close_reason in ('agent-left', 'idle', 'gone')
  for update;
  if found and hand_over_unheard(p_id) then
    return query select l.id from lanes l join conversations c on c.thread_id = l.thread_id
    where c.id = p_id and l.direction = 'inbound';
  end if;
end $$;

-- After a lane was released: how long until it has work, 0 for now, no row for none. A wait whose end was decided
-- while its lane was being put to wait is ended here, in a statement of its own that sees that decision.
create function look_again(p_lane_id uuid) returns table (due_ms int) language plpgsql as $$
begin
  update lanes l set not_before = null, waiting_for = null
  where l.id = p_lane_id and (
    l.waiting_for = 'opening' and not exists (
      select from conversations c where c.thread_id = l.thread_id and c.state = 'opening')
    or l.waiting_for = 'closing' and not exists (
      select from conversations c where c.thread_id = l.thread_id and c.state <> 'closed' and c.close_due_at is not null)
  );
  return query
    select greatest(0, ceil(extract(epoch from l.not_before - clock_timestamp()) * 1000))::int
    from lanes l
    cross join lateral (select i.state, i.reason from lane_items i where i.lane_id = l.id order by i.seq limit 1) head
    where l.id = p_lane_id and (l.lease_until is null or l.lease_until <= clock_timestamp()) and l.paused_at is null
      and (head.state <> 'held' or head.reason in ('credentials', 'configuration'));
end $$;

-- Moves parked messages whose conversation is bound, where a move was missed. Answers the lanes to wake.
create function sweep_parked() returns table (lane_id uuid) language plpgsql as $$
#variable_conflict use_column
declare
  d record;
begin
  for d in
    select distinct e.tenant_id, e.desk_conversation_id from desk_events e
    join desk_conversations c on c.tenant_id = e.tenant_id and c.id = e.desk_conversation_id
    where e.parked and c.conversation_id is not null
    order by 1, 2 limit 100
  loop
    perform 1 from desk_conversations x
    where x.tenant_id = d.tenant_id and x.id = d.desk_conversation_id for update skip locked;
    continue when not found;
    return query select m.lane_id from move_parked(d.tenant_id, d.desk_conversation_id) m;
  end loop;
end $$;
`;
