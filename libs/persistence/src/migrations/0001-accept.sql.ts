/**
 * The functions of the accept path: one call, one transaction, one round trip. They are functions rather than one
 * statement with CTEs because each statement inside sees what the ones before it wrote: a CTE that inserts a thread
 * and reads it back in the same statement finds nothing, and would commit the key without its message (ADR 0004).
 * Lock order, as everywhere: keys, numbers, customers, threads, conversations, lanes, each sorted.
 */
export const acceptFunctions = /* sql */ `
create function new_id() returns uuid language sql volatile as $$
  select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
    52, 1), 53, 1), 'hex')::uuid
$$;

-- Whom messages are about, as far as they are known: one row for each, by position. Stale: something about them is to
-- be brought up to date. The planner puts this into the statements that call it; "limit 1" makes it look up by key.
create function find_threads(
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
    where x.tenant_id = i.tenant and x.number_id = n.id and x.customer_id = a.customer_id limit 1) t on true
$$;

-- Accepts messages from customers. Arrays are parallel, in order of arrival, with no digest twice.
-- Answers one row per message that is new, and one per outbound lane that a reply of the customer opened again.
-- Planning would take longer than the work, so plans are made once per connection. They must suit tables that were
-- empty then and batches of any size: no scan of a table, no array searched through for each element of another.
create function accept_messages(
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
          order by i.tenant, i.channel, i.second_alias, i.ord desc
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
    on conflict (tenant_id, number_id, customer_id) do update set customer_address = excluded.customer_address
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

-- Whether the customer of a message's thread has written since an instant: then a closed reply window is open again.
create function wrote_since(p_thread_id uuid, p_since timestamptz) returns boolean language sql stable as $$
  select coalesce((
    select m.accepted_at > p_since from lanes l join messages m on m.lane_id = l.id
    where l.thread_id = p_thread_id and l.direction = 'inbound' order by m.seq desc limit 1
  ), false)
$$;

-- A provider's report of failure about a part that counted as submitted, while its message did or while
-- later parts of it wait. Answers whether its lane has work again. The caller holds the lane's row.
create function apply_late_failure(p_message_id uuid, p_attempt_id uuid) returns boolean language plpgsql as $$
declare
  m record;
  a record;
  verdict text;
begin
  select id, thread_id, lane_id, seq, delivery into m from messages where id = p_message_id for update;
  select receipt_late, receipt_code, part_n, started_at into a from attempts
  where message_id = p_message_id and id = p_attempt_id;
  if m.delivery is null or m.delivery not in ('submitted', 'open', 'uncertain') or a.receipt_late is null then
    return false;
  end if;
  verdict := a.receipt_late;
  if verdict = 'once-more' and (
    (select count(*) from attempts
      where message_id = p_message_id and part_n = a.part_n and receipt_late = 'once-more') > 1
    or exists (select from messages n where n.lane_id = m.lane_id and n.seq > m.seq and n.submitted_at is not null)
  ) then
    verdict := 'failed';
  end if;
  if verdict = 'held-window' and wrote_since(m.thread_id, a.started_at) then
    verdict := 'once-more';
  end if;
  if verdict = 'failed' then
    update messages set delivery = 'failed', reason = 'reported-by-provider', provider_code = a.receipt_code
    where id = p_message_id;
    delete from lane_items where lane_id = m.lane_id and seq = m.seq;
    return m.delivery <> 'submitted';
  end if;
  if verdict = 'once-more' and m.delivery <> 'submitted' then
    return false; -- still in its lane, where the part is sent again
  end if;
  update messages set delivery = case verdict when 'once-more' then 'open' else 'held' end,
    reason = case verdict when 'once-more' then null else 'window' end, provider_code = a.receipt_code,
    possible_duplicate = possible_duplicate or m.delivery = 'uncertain', submitted_at = null
  where id = p_message_id;
  insert into lane_items (lane_id, seq, message_id, state, reason)
  values (m.lane_id, m.seq, p_message_id, case verdict when 'once-more' then 'open' else 'held' end,
    case verdict when 'once-more' then null else 'window' end)
  on conflict (lane_id, seq) do update set state = excluded.state, reason = excluded.reason;
  return verdict = 'once-more';
end $$;

-- The receipt of a message: the lowest over its parts, each by its newest attempt that has one.
create function refresh_receipt(p_message_id uuid) returns void language sql as $$
  update messages m set receipt = s.receipt
  from (
    select case when bool_and(b.receipt is not null)
      then (array_agg(b.receipt order by receipt_rank(b.receipt)))[1] end as receipt
    from parts p
    left join lateral (
      select a.receipt from attempts a
      where a.message_id = p.message_id and a.part_n = p.n and a.kind = 'send' and a.receipt is not null
      order by a.id desc limit 1
    ) b on true
    where p.message_id = p_message_id
  ) s
  where m.id = p_message_id and m.receipt is distinct from s.receipt
$$;

-- Accepts receipts. Answers one row per receipt that is new: whether its attempt was found, and the lane that has
-- work again because of it. Receipts go forward by rank only, and a stored error is never erased.
create function accept_receipts(
  p_digest bytea[], p_provider_id text[], p_status text[], p_code text[], p_message_id uuid[], p_attempt_id uuid[],
  p_late text[]
) returns table (ord int, matched boolean, lane_id uuid) language plpgsql as $$
#variable_conflict use_column
declare
  fresh int[];
  r record;
begin
  with inserted as (
    insert into dedupe_keys (digest, message_id, origin)
    select k.digest, k.message_id, 'webhook' from unnest(p_digest, p_message_id) as k (digest, message_id)
    order by k.digest
    on conflict do nothing returning digest
  )
  select array_agg(k.ord::int) into fresh
  from unnest(p_digest) with ordinality as k (digest, ord) join inserted using (digest);
  if fresh is null then
    return;
  end if;

  -- A late failure may put its message back into the lane, so those lanes are locked first, in order.
  perform 1 from lanes where id in (
    select m.lane_id from unnest(fresh) as f (ord)
    join messages m on m.id = coalesce(p_message_id[f.ord],
      (select a.message_id from attempts a where a.provider_id = p_provider_id[f.ord] limit 1))
    where p_late[f.ord] is not null
  ) order by thread_id, direction for update;

  for r in
    select f.ord, a.message_id, a.id, a.outcome
    from unnest(fresh) as f (ord)
    left join lateral (
      select a.message_id, a.id, a.outcome from attempts a
      where p_attempt_id[f.ord] is not null and a.message_id = p_message_id[f.ord] and a.id = p_attempt_id[f.ord]
      union all
      select a.message_id, a.id, a.outcome from attempts a
      where p_attempt_id[f.ord] is null and a.provider_id = p_provider_id[f.ord]
      limit 1
    ) a on true
    order by a.message_id, a.id, f.ord
  loop
    ord := r.ord;
    matched := r.id is not null;
    lane_id := null;
    if matched then
      update attempts a set provider_id = coalesce(a.provider_id, p_provider_id[r.ord]),
        receipt = p_status[r.ord], receipt_at = clock_timestamp(),
        receipt_code = coalesce(p_code[r.ord], a.receipt_code),
        receipt_late = coalesce(p_late[r.ord], a.receipt_late)
      where a.message_id = r.message_id and a.id = r.id
        and receipt_rank(p_status[r.ord]) > receipt_rank(a.receipt);
      if found then
        perform refresh_receipt(r.message_id);
        if p_late[r.ord] is not null and apply_late_failure(r.message_id, r.id) then
          select m.lane_id into lane_id from messages m where m.id = r.message_id;
        end if;
      end if;
    end if;
    return next;
  end loop;
end $$;
`;
