/**
 * Messages whose thread the gateway remembers (accept/known-threads.ts, ADR 0016). What it remembers holds as long as the
 * directory's version stays the same: the triggers see to that, whoever changes whose messages go where.
 */
export const knownThreads = /* sql */ `
-- One row. Its version is another one after every change after which a message would find another thread, or would bring
-- one up to date. Never one that was there before: a database that was set back must not look like its own future.
create table thread_directory (
  singleton boolean primary key default true check (singleton),
  version uuid not null default gen_random_uuid()
) with (fillfactor = 10);
insert into thread_directory default values;

create function thread_directory_changes() returns trigger language plpgsql as $$
begin
  -- Once per transaction is enough.
  update thread_directory set version = gen_random_uuid() where xmin <> pg_current_xact_id()::xid;
  return null;
end $$;

-- At the end of the transaction, when it holds every other lock it needs: so the one row never stands in a circle of locks.
-- That is why an alias must not look for its customer as late as that.
alter table customer_aliases alter constraint customer_aliases_customer_id_fkey not deferrable;
create constraint trigger number_is_known after insert on business_numbers deferrable initially deferred
  for each row when (new.state = 'configured') execute function thread_directory_changes();
create constraint trigger number_changes after update or delete on business_numbers deferrable initially deferred
  for each row execute function thread_directory_changes();
create constraint trigger alias_changes after update or delete on customer_aliases deferrable initially deferred
  for each row execute function thread_directory_changes();
create constraint trigger thread_changes after update or delete on threads deferrable initially deferred
  for each row execute function thread_directory_changes();
create constraint trigger lane_goes after delete on lanes deferrable initially deferred
  for each row execute function thread_directory_changes();
-- A customer who was made in this very transaction is known to nobody.
create constraint trigger customer_is_renamed after update of name on customers deferrable initially deferred
  for each row when (old.name is distinct from new.name and old.xmin <> pg_current_xact_id()::xid)
  execute function thread_directory_changes();
create trigger numbers_go after truncate on business_numbers execute function thread_directory_changes();
create trigger aliases_go after truncate on customer_aliases execute function thread_directory_changes();
create trigger threads_go after truncate on threads execute function thread_directory_changes();
create trigger lanes_go after truncate on lanes execute function thread_directory_changes();

-- Accepts messages of known threads. Arrays are parallel, in order of arrival, with no digest twice. Answers one row: the
-- directory's version; the positions of messages that came before; the outbound lanes that a customer's text opened again.
-- Duplicates are null, and nothing is stored, when the version is not p_version: what the caller knows may be out of date.
-- A version read before the messages are stored is enough: what changes after it could as well have changed after them.
create function accept_known_messages(
  p_version uuid, p_tenant text[], p_thread_id uuid[], p_digest bytea[], p_message_id uuid[],
  p_provider_message_id text[], p_content json[], p_raw json[], p_opens_windows boolean
) returns table (version uuid, duplicates int[], opened uuid[]) language plpgsql
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_nestloop = off as $$
#variable_conflict use_column
declare
  new_ids uuid[];
  all_new boolean;
  v_lane_id uuid;
  v_seq bigint;
  stored int;
begin
  select d.version into version from thread_directory d;
  if version is distinct from p_version then
    return next;
    return;
  end if;

  if cardinality(p_message_id) = 1 then
    -- One alone is stored in plain statements: starting those over arrays would take twice as long.
    insert into dedupe_keys (digest, message_id, origin) values (p_digest[1], p_message_id[1], 'webhook')
    on conflict do nothing;
    if not found then
      duplicates := array[1];
      return next;
      return;
    end if;
    update lanes set next_seq = next_seq + 1 where thread_id = p_thread_id[1] and direction = 'inbound'
    returning id, next_seq into v_lane_id, v_seq;
    if not found then
      raise exception 'accept_known_messages: no such lane' using errcode = 'foreign_key_violation';
    end if;
    insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery,
      provider_message_id, raw)
    values (p_message_id[1], p_tenant[1], p_thread_id[1], v_lane_id, 'inbound', 'user', v_seq, p_content[1], 'open',
      p_provider_message_id[1], p_raw[1]);
    insert into lane_items (lane_id, seq, message_id, state) values (v_lane_id, v_seq, p_message_id[1], 'open');
    duplicates := '{}';
  else
    with inserted as (
      insert into dedupe_keys (digest, message_id, origin)
      select k.digest, k.message_id, 'webhook' from unnest(p_digest, p_message_id) as k (digest, message_id)
      order by k.digest
      on conflict do nothing returning message_id
    )
    select array_agg(message_id) into new_ids from inserted;
    all_new := coalesce(cardinality(new_ids), 0) = cardinality(p_message_id);
    duplicates := case when all_new then '{}' else array(
      select i.ord::int from unnest(p_message_id) with ordinality as i (id, ord)
      where not coalesce(i.id = any (new_ids), false)) end;
    if new_ids is null then
      return next;
      return;
    end if;

    with item as materialized (
      select i.* from unnest(p_tenant, p_thread_id, p_message_id, p_provider_message_id, p_content, p_raw)
        with ordinality as i (tenant, thread_id, message_id, provider_message_id, content, raw, ord)
      where all_new or i.message_id = any (new_ids)
    ), lane as (
      -- An update, written so because this locks the rows in order. Should a lane be gone, it is made anew; its id only has
      -- to be unique, as that of a message is.
      insert into lanes as l (id, tenant_id, thread_id, direction, next_seq)
      select (array_agg(item.message_id))[1], min(item.tenant), item.thread_id, 'inbound', count(*) from item
      group by item.thread_id order by item.thread_id
      on conflict (thread_id, direction) do update set next_seq = l.next_seq + excluded.next_seq
      returning l.id, l.thread_id, l.next_seq
    ), numbered as (
      select item.*, lane.id as lane_id,
        lane.next_seq + 1 - row_number() over (partition by item.thread_id order by item.ord desc) as seq
      from item join lane on lane.thread_id = item.thread_id
    ), stored_messages as (
      insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery,
        provider_message_id, raw)
      select message_id, tenant, thread_id, lane_id, 'inbound', 'user', seq, content, 'open', provider_message_id, raw
      from numbered returning id
    ), stored_items as (
      insert into lane_items (lane_id, seq, message_id, state)
      select lane_id, seq, message_id, 'open' from numbered
    )
    select count(*) into stored from stored_messages;
    if stored <> cardinality(new_ids) then
      raise exception 'accept_known_messages: % keys but % messages', cardinality(new_ids), stored;
    end if;
  end if;

  -- The outbound lanes are locked before they are read: whoever holds a message for the window has the lane, too, and sees
  -- this text (wrote_since) or is seen here. By what is stored, so that no duplicate opens anything.
  if p_opens_windows then
    perform 1 from lanes l
    where l.direction = 'outbound' and l.thread_id in (select m.thread_id from messages m where m.id = any (p_message_id))
    order by l.thread_id for update;
    with released as (
      update lane_items li set state = 'open', reason = null
      from lanes l
      where l.thread_id in (select m.thread_id from messages m where m.id = any (p_message_id))
        and l.direction = 'outbound' and li.lane_id = l.id and li.state = 'held' and li.reason = 'window'
      returning li.lane_id, li.message_id
    ), reopened as (
      update messages m set delivery = 'open', reason = null from released
      where m.id = released.message_id returning m.lane_id
    )
    select array_agg(distinct reopened.lane_id) into opened from reopened;
  end if;
  return next;
end $$;
`;
