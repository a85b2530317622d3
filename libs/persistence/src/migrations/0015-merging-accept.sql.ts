/** Accepting, as it is since customers can turn out to be one (ADR 0028): only a thread that goes on is ever found. */
export const mergingAccept = /* sql */ `
-- Whom messages are about, as far as they are known: one row for each, by position. Stale: something about them is to
-- be brought up to date. The planner puts this into the statements that call it; "limit 1" makes it look up by key.
create or replace function find_threads(
  p_tenant text[], p_channel text[], p_account text[], p_to text[], p_service text[], p_from text[], p_alias text[],
  p_second_alias text[], p_name text[]
) returns table (ord bigint, number_id uuid, customer_id uuid, thread_id uuid, stale boolean)
language sql stable as $$
  -- A batch speaks of few numbers: each is looked up once. An address means itself where configured, then the service it
  -- belongs to, then itself. Written out, for the planner would plan a function of its own anew for every batch.
  with numbers as materialized (
    select i.*, coalesce(
      (select b.id from business_numbers b where b.tenant_id = i.tenant and b.account_sid = i.account
        and b.address = i.address and b.state = 'configured'),
      (select b.id from business_numbers b where i.service is not null and b.tenant_id = i.tenant
        and b.account_sid = i.account and b.messaging_service_sid = i.service and b.state = 'configured'
        order by b.id limit 1),
      (select b.id from business_numbers b where b.tenant_id = i.tenant and b.account_sid = i.account
        and b.address = i.address)) as id
    from (select distinct * from unnest(p_tenant, p_account, p_to, p_service) as u (tenant, account, address, service)) i
  )
  select i.ord, n.id, a.customer_id, t.id,
    t.customer_address <> i.sender or c.name is distinct from coalesce(i.name, c.name)
      or i.second_alias is not null and not exists (select from customer_aliases s
        where s.tenant_id = i.tenant and s.channel = i.channel and s.value = i.second_alias
          and s.customer_id = a.customer_id and s.shown_with = i.alias)
  from unnest(p_tenant, p_channel, p_account, p_to, p_service, p_from, p_alias, p_second_alias, p_name)
    with ordinality as i (tenant, channel, account, address, service, sender, alias, second_alias, name, ord)
  join numbers n on n.tenant = i.tenant and n.account = i.account and n.address = i.address
    and n.service is not distinct from i.service
  left join lateral (select x.customer_id from customer_aliases x
    where x.tenant_id = i.tenant and x.channel = i.channel and x.value = i.alias limit 1) a on true
  left join lateral (select x.name from customers x where x.id = a.customer_id limit 1) c on true
  left join lateral (select x.id, x.customer_address from threads x
    where x.tenant_id = i.tenant and x.number_id = n.id and x.customer_id = a.customer_id and x.continues_in is null
    limit 1) t on true
$$;

-- Accepts messages from customers. Arrays are parallel, in order of arrival, with no digest twice.
-- Answers one row per message that is new, and one per outbound lane that a reply of the customer opened again.
-- Planning would take longer than the work, so plans are made once per connection. They must suit tables that were
-- empty then and batches of any size: no scan of a table, no array searched through for each element of another.
create or replace function accept_messages(
  p_tenant text[], p_digest bytea[], p_message_id uuid[], p_channel text[], p_account text[], p_to text[],
  p_service text[], p_from text[], p_alias text[], p_second_alias text[], p_name text[],
  p_provider_message_id text[], p_content json[], p_raw json[]
) returns table (ord int, lane_id uuid, lane_direction text) language plpgsql
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_nestloop = off as $$
#variable_conflict use_column
declare
  new_keys bytea[];
  all_new boolean;
  fresh int[];
  -- of those: whose thread is missing, or about whom something is to be brought up to date
  lacking int[];
  number_ids uuid[];
  customer_ids uuid[];
  has_second_alias boolean := array_remove(p_second_alias, null) <> '{}';
  has_name boolean := array_remove(p_name, null) <> '{}';
  stored int;
begin
  with inserted as (
    insert into dedupe_keys (digest, message_id, origin)
    select k.digest, k.message_id, 'webhook' from unnest(p_digest, p_message_id) as k (digest, message_id)
    order by k.digest
    on conflict do nothing returning digest
  )
  select array_agg(digest) into new_keys from inserted;
  if new_keys is null then
    return;
  end if;
  all_new := cardinality(new_keys) = cardinality(p_digest);
  if not all_new then
    fresh := array(select k.ord from unnest(p_digest) with ordinality as k (digest, ord) where k.digest = any (new_keys));
  end if;

  -- Usually one round: everything is there, and the messages are stored. Else nothing is stored, what is missing is
  -- made, and looked up again, because another gateway may have made it at the same time.
  for round in 1..5 loop
    return query
    with item as materialized (
      select i.*, t.thread_id, t.stale
      from unnest(p_tenant, p_message_id, p_provider_message_id, p_content, p_raw)
        with ordinality as i (tenant, message_id, provider_message_id, content, raw, ord)
      join find_threads(p_tenant, p_channel, p_account, p_to, p_service, p_from, p_alias, p_second_alias, p_name) as t
        on t.ord = i.ord
      where all_new or i.ord = any (fresh)
    ), complete as materialized (
      select bool_and(thread_id is not null and (round > 1 or stale is not true)) as yes from item
    ), lane as (
      insert into lanes as l (id, tenant_id, thread_id, direction, next_seq)
      select new_id(), min(item.tenant), item.thread_id, 'inbound', count(*) from item where (select yes from complete)
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
    select numbered.ord::int, numbered.lane_id, 'inbound'
    from numbered join stored_messages on stored_messages.id = numbered.message_id;
    get diagnostics stored = row_count;
    exit when stored > 0;
    if round = 5 then
      raise exception 'accept_messages: a thread could not be made';
    end if;

    select array_agg(t.ord::int), array_agg(t.number_id), array_agg(t.customer_id) into lacking, number_ids, customer_ids
    from find_threads(p_tenant, p_channel, p_account, p_to, p_service, p_from, p_alias, p_second_alias, p_name) as t
    where (all_new or t.ord = any (fresh)) and (t.thread_id is null or t.stale);

    if array_position(number_ids, null) is not null then
      insert into business_numbers (id, tenant_id, channel, account_sid, address, messaging_service_sid, state)
      select new_id(), i.tenant, i.channel, i.account, i.address, i.service, 'unconfigured'
      from (
        select distinct on (i.tenant, i.account, i.address) i.*
        from unnest(p_tenant, p_channel, p_account, p_to, p_service)
          with ordinality as i (tenant, channel, account, address, service, ord)
        join unnest(lacking, number_ids) as f (ord, number_id) on f.ord = i.ord and f.number_id is null
        order by i.tenant, i.account, i.address
      ) i
      on conflict do nothing;
    end if;

    if array_position(customer_ids, null) is not null then
      -- A lasting name shown with a number that so far stood alone is another name of that number's customer.
      with named as (
        select a.tenant_id, a.channel, a.value, i.alias
        from customer_aliases a
        join (
          select distinct on (i.tenant, i.channel, i.second_alias) i.*
          from unnest(p_tenant, p_channel, p_alias, p_second_alias)
            with ordinality as i (tenant, channel, alias, second_alias, ord)
          join unnest(lacking, customer_ids) as f (ord, customer_id) on f.ord = i.ord and f.customer_id is null
          where i.second_alias is not null
          order by i.tenant, i.channel, i.second_alias, i.ord
        ) i on a.tenant_id = i.tenant and a.channel = i.channel and a.value = i.second_alias
        where a.shown_with is null
        order by a.tenant_id, a.channel, a.value for update of a
      ), shown as (
        update customer_aliases a set shown_with = named.alias from named
        where a.tenant_id = named.tenant_id and a.channel = named.channel and a.value = named.value
        returning a.tenant_id, a.channel, named.alias, a.customer_id
      )
      insert into customer_aliases (tenant_id, channel, value, customer_id)
      select tenant_id, channel, alias, customer_id from shown order by 1, 2, 3
      on conflict do nothing;

      with made as (
        insert into customer_aliases (tenant_id, channel, value, customer_id)
        select i.tenant, i.channel, i.alias, new_id()
        from (
          select distinct on (i.tenant, i.channel, i.alias) i.*
          from unnest(p_tenant, p_channel, p_alias) with ordinality as i (tenant, channel, alias, ord)
          join unnest(lacking, customer_ids) as f (ord, customer_id) on f.ord = i.ord and f.customer_id is null
          order by i.tenant, i.channel, i.alias
        ) i
        on conflict do nothing returning tenant_id, customer_id
      )
      insert into customers (id, tenant_id) select customer_id, tenant_id from made;
    end if;

    if array_position(number_ids || customer_ids, null) is not null then
      select array_agg(t.ord::int), array_agg(t.number_id), array_agg(t.customer_id) into lacking, number_ids, customer_ids
      from find_threads(p_tenant, p_channel, p_account, p_to, p_service, p_from, p_alias, p_second_alias, p_name) as t
      where t.ord = any (lacking);
    end if;

    if has_second_alias and exists (
      select from unnest(p_tenant, p_channel, p_alias, p_second_alias)
        with ordinality as i (tenant, channel, alias, second_alias, ord)
      join unnest(lacking, customer_ids) as f (ord, customer_id) on f.ord = i.ord
      cross join lateral (select x.customer_id, x.shown_with from customer_aliases x
        where x.tenant_id = i.tenant and x.channel = i.channel and x.value = i.second_alias limit 1) s
      where s.customer_id <> f.customer_id and coalesce(s.shown_with, i.alias) = i.alias
    ) then
      -- Merging locks much that sorts in with nothing here. So it has a transaction of its own: whoever accepts in batches does
      -- this one again, message by message (class 23).
      if cardinality(p_digest) > 1 then
        raise exception 'accept_messages: customers are merged alone' using errcode = 'integrity_constraint_violation';
      end if;
      customer_ids := array[merge_customers(p_tenant[1], p_channel[1], p_alias[1], p_second_alias[1])];
    end if;

    if has_second_alias then
      -- A number belongs to whom it was last shown with: it moves, and nothing of its former owner follows.
      insert into customer_aliases as a (tenant_id, channel, value, customer_id, shown_with)
      select distinct on (i.tenant, i.channel, i.second_alias)
        i.tenant, i.channel, i.second_alias, f.customer_id, i.alias
      from unnest(p_tenant, p_channel, p_alias, p_second_alias)
        with ordinality as i (tenant, channel, alias, second_alias, ord)
      join unnest(lacking, customer_ids) as f (ord, customer_id) on f.ord = i.ord and f.customer_id is not null
      where i.second_alias is not null
      order by i.tenant, i.channel, i.second_alias, i.ord desc
      on conflict (tenant_id, channel, value) do update
        set customer_id = excluded.customer_id, shown_with = excluded.shown_with
        where a.customer_id <> excluded.customer_id or a.shown_with is distinct from excluded.shown_with;
    end if;

    if has_name then
      with named as (
        select distinct on (f.customer_id) f.customer_id, i.name
        from unnest(p_name) with ordinality as i (name, ord)
        join unnest(lacking, customer_ids) as f (ord, customer_id) on f.ord = i.ord
        where i.name is not null and f.customer_id is not null
        order by f.customer_id, i.ord desc
      ), locked as (
        select c.id from customers c join named on named.customer_id = c.id
        where c.name is distinct from named.name order by c.id for update of c
      )
      update customers c set name = named.name from named, locked
      where c.id = locked.id and named.customer_id = c.id;
    end if;

    insert into threads as t (id, tenant_id, number_id, customer_id, customer_address)
    select new_id(), i.tenant, f.number_id, f.customer_id, i.sender
    from (
      select distinct on (f.number_id, f.customer_id) f.*
      from unnest(lacking, number_ids, customer_ids) as f (ord, number_id, customer_id)
      where f.number_id is not null and f.customer_id is not null
      order by f.number_id, f.customer_id, f.ord desc
    ) f
    join unnest(p_tenant, p_from) with ordinality as i (tenant, sender, ord) on i.ord = f.ord
    order by f.number_id, f.customer_id
    on conflict (tenant_id, number_id, customer_id) where continues_in is null do update set customer_address = excluded.customer_address
      where t.customer_address <> excluded.customer_address;
  end loop;
  if stored <> cardinality(new_keys) then
    raise exception 'accept_messages: % keys but % messages', cardinality(new_keys), stored;
  end if;

  -- Only WhatsApp closes its window. The outbound lanes are locked before they are read: whoever holds a message for
  -- the window has the lane, too, and sees this text (wrote_since) or is seen here.
  if 'whatsapp' = any (p_channel) then
    perform 1 from lanes l
    where l.direction = 'outbound' and l.thread_id in (select m.thread_id from messages m where m.id = any (p_message_id))
    order by l.thread_id for update;
    return query
    with released as (
      update lane_items li set state = 'open', reason = null
      from lanes l
      where l.thread_id in (select m.thread_id from messages m where m.id = any (p_message_id))
        and l.direction = 'outbound' and li.lane_id = l.id
        and li.state = 'held' and li.reason = 'window'
      returning li.lane_id, li.message_id
    ), opened as (
      update messages m set delivery = 'open', reason = null from released
      where m.id = released.message_id returning m.lane_id
    )
    select distinct 0, opened.lane_id, 'outbound' from opened;
  end if;
end $$;
`;
