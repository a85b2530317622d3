/**
 * The accept path's short way (ADR 0017): whoever is not remembered is introduced, then everything is appended to lanes that
 * are known, without a look-up, a join or a constraint that Postgres would read and compile anew for every statement.
 */
export const appendMessages = /* sql */ `
-- A check constraint is parsed and prepared by every statement that writes the table, in every partition that it touches: a
-- quarter of what one text alone costs. Our statements write literals and closed unions. The columns' types stay: sessions
-- that run on while this does have plans made for them.
alter table lanes drop constraint lanes_direction_check, drop constraint lanes_waiting_for_check;
alter table lane_items drop constraint lane_items_state_check;
alter table messages drop constraint messages_delivery_check;
alter table dedupe_keys drop constraint dedupe_keys_origin_check;

-- The threads of messages, by position, under the version of the directory that they are true of. Customers who are new get
-- their thread here; who has two names, or a new one, or writes to an unknown number, has none and is left to accept_messages.
-- A transaction of its own: a thread without a message does no harm. It is not flushed: the commit of the message is, and
-- Postgres flushes in order.
create function introduce_threads(
  p_tenant text[], p_channel text[], p_account text[], p_to text[], p_service text[], p_from text[], p_alias text[],
  p_second_alias text[], p_name text[]
) returns table (ord int, thread_id uuid, version uuid) language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set lock_timeout = 100 as $$
#variable_conflict use_column
declare
  v_version uuid;
  numbers uuid[];
  customers uuid[];
  threads uuid[];
begin
  select d.version into v_version from thread_directory d;
  select array_agg(f.number_id order by f.ord), array_agg(f.customer_id order by f.ord),
    array_agg(case when not f.stale then f.thread_id end order by f.ord)
  into numbers, customers, threads
  from find_threads(p_tenant, p_channel, p_account, p_to, p_service, p_from, p_alias, p_second_alias, p_name) as f;
  return query select i.ord::int, i.thread_id, v_version from unnest(threads) with ordinality as i (thread_id, ord)
    where i.thread_id is not null;
  if array_position(customers, null) is null then
    return;
  end if;

  perform set_config('synchronous_commit', 'off', true);
  return query
  with newcomer as materialized (
    -- By their first text: should a later one differ, it is not introduced, and brings them up to date.
    select distinct on (i.tenant, i.channel, i.alias) i.*, new_id() as customer_id, new_id() as thread_id
    from unnest(p_tenant, p_channel, p_from, p_alias, p_second_alias, p_name, numbers, customers)
      with ordinality as i (tenant, channel, sender, alias, second_alias, name, number_id, known, ord)
    where i.known is null and i.second_alias is null and i.number_id is not null
    order by i.tenant, i.channel, i.alias, i.ord
  ), named as (
    insert into customer_aliases (tenant_id, channel, value, customer_id)
    select tenant, channel, alias, customer_id from newcomer order by tenant, channel, alias
    on conflict do nothing returning customer_id
  ), made as (
    select n.* from newcomer n join named on named.customer_id = n.customer_id
  ), stored_customers as (
    insert into customers (id, tenant_id, name) select customer_id, tenant, name from made
  ), stored_threads as (
    insert into threads (id, tenant_id, number_id, customer_id, customer_address)
    select thread_id, tenant, number_id, customer_id, sender from made
  )
  select i.ord::int, made.thread_id, v_version
  from unnest(p_tenant, p_channel, p_from, p_alias, p_second_alias, p_name, numbers)
    with ordinality as i (tenant, channel, sender, alias, second_alias, name, number_id, ord)
  join made on made.tenant = i.tenant and made.channel = i.channel and made.alias = i.alias
    and made.number_id = i.number_id and made.sender = i.sender and made.name is not distinct from i.name
  where i.second_alias is null;
end $$;

-- What a customer's text opens again: messages that were held for WhatsApp's reply window. Answers their lanes. The lanes
-- are locked before they are read: whoever holds a message for the window has the lane, too, and sees this text
-- (wrote_since) or is seen here.
create function open_windows(p_thread_id uuid[]) returns uuid[] language plpgsql as $$
declare
  opened uuid[];
begin
  perform 1 from lanes l where l.direction = 'outbound' and l.thread_id = any (p_thread_id) order by l.thread_id for update;
  with released as (
    update lane_items li set state = 'open', reason = null
    from lanes l
    where l.thread_id = any (p_thread_id) and l.direction = 'outbound' and li.lane_id = l.id
      and li.state = 'held' and li.reason = 'window'
    returning li.lane_id, li.message_id
  ), reopened as (
    update messages m set delivery = 'open', reason = null from released where m.id = released.message_id
    returning m.lane_id
  )
  select array_agg(distinct reopened.lane_id) into opened from reopened;
  return opened;
end $$;

-- Appends messages that nobody has seen to lanes of known threads: p_thread_id (each once, sorted) with its tenant and its
-- number of messages; then the messages, each with the place of its thread in there and the number of messages after it in
-- the same thread. Answers one row: the directory's version; by thread, the lane, and its fence where it has been let go (a
-- lease that has run out may be renewed under the same fence); the outbound lanes that were opened again. Lanes are null, and
-- nothing is stored, when the version is not p_version, or when one of the messages came before.
create function append_messages(
  p_version uuid, p_opens_windows boolean, p_thread_id uuid[], p_tenant text[], p_count int[],
  p_digest bytea[], p_message_id uuid[], p_place int[], p_after int[], p_provider_message_id text[], p_content json[],
  p_raw json[]
) returns table (version uuid, lanes uuid[], fences bigint[], opened uuid[]) language plpgsql as $$
#variable_conflict use_column
declare
  next_seqs bigint[];
  threads uuid[];
begin
  select d.version into version from thread_directory d;
  if version is distinct from p_version then
    return next;
    return;
  end if;
  begin
    insert into dedupe_keys (digest, message_id, origin)
    select k.digest, k.message_id, 'webhook' from unnest(p_digest, p_message_id) as k (digest, message_id) order by k.digest;
  exception when unique_violation then
    return next;
    return;
  end;
  -- An update, written so because this locks the rows in order, and makes those that are lacking: their ids only have to be
  -- unique, as those of threads are.
  with lane as (
    insert into lanes as l (id, tenant_id, thread_id, direction, next_seq)
    select t.thread_id, t.tenant, t.thread_id, 'inbound', t.count
    from unnest(p_thread_id, p_tenant, p_count) as t (thread_id, tenant, count)
    on conflict (thread_id, direction) do update set next_seq = l.next_seq + excluded.next_seq
    returning l.id, l.thread_id, l.next_seq, case when l.lease_until is null then l.fence end as fence
  )
  select array_agg(lane.id), array_agg(lane.fence), array_agg(lane.next_seq), array_agg(lane.thread_id)
  into lanes, fences, next_seqs, threads from lane;
  if threads is distinct from p_thread_id then
    raise exception 'append_messages: the lanes are not those of the threads';
  end if;
  insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery,
    provider_message_id, raw)
  select m.id, p_tenant[m.place], p_thread_id[m.place], lanes[m.place], 'inbound', 'user', next_seqs[m.place] - m.after,
    m.content, 'open', m.provider_message_id, m.raw
  from unnest(p_message_id, p_place, p_after, p_provider_message_id, p_content, p_raw)
    as m (id, place, after, provider_message_id, content, raw);
  insert into lane_items (lane_id, seq, message_id, state)
  select lanes[m.place], next_seqs[m.place] - m.after, m.id, 'open'
  from unnest(p_message_id, p_place, p_after) as m (id, place, after);
  if p_opens_windows then
    opened := open_windows(p_thread_id);
  end if;
  return next;
end $$;

-- The same for one message alone: starting statements over arrays would take longer than running them.
create function append_message(
  p_version uuid, p_opens_windows boolean, p_thread_id uuid, p_tenant text, p_digest bytea, p_message_id uuid,
  p_provider_message_id text, p_content json, p_raw json
) returns table (version uuid, lanes uuid[], fences bigint[], opened uuid[]) language plpgsql as $$
#variable_conflict use_column
declare
  lane record;
begin
  select d.version into version from thread_directory d;
  if version is distinct from p_version then
    return next;
    return;
  end if;
  insert into dedupe_keys (digest, message_id, origin) values (p_digest, p_message_id, 'webhook') on conflict do nothing;
  if not found then
    return next;
    return;
  end if;
  update lanes l set next_seq = l.next_seq + 1 where l.thread_id = p_thread_id and l.direction = 'inbound'
  returning l.id, l.next_seq, case when l.lease_until is null then l.fence end as fence into lane;
  if not found then
    insert into lanes as l (id, tenant_id, thread_id, direction, next_seq)
    values (p_thread_id, p_tenant, p_thread_id, 'inbound', 1)
    on conflict (thread_id, direction) do update set next_seq = l.next_seq + 1
    returning l.id, l.next_seq, case when l.lease_until is null then l.fence end as fence into lane;
  end if;
  insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery,
    provider_message_id, raw)
  values (p_message_id, p_tenant, p_thread_id, lane.id, 'inbound', 'user', lane.next_seq, p_content, 'open',
    p_provider_message_id, p_raw);
  insert into lane_items (lane_id, seq, message_id, state) values (lane.id, lane.next_seq, p_message_id, 'open');
  lanes := array[lane.id];
  fences := array[lane.fence];
  if p_opens_windows then
    opened := open_windows(array[p_thread_id]);
  end if;
  return next;
end $$;
`;
