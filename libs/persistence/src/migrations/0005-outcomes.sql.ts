import { acceptFunctions } from './0001-accept.sql.js';
import { conversationFunctions } from './0001-conversations.sql.js';
import { deliveryFunctions } from './0001-delivery.sql.js';
import { functionIn } from './function-in.js';

/**
 * Outcomes that are looked up, ages that stand still while a lane is held, and notes about failures. Everything that a worker
 * or gateway of the version before calls keeps its signature (ADR 0019).
 */
export const outcomes = /* sql */ `
-- since when the lane stands still without growing older: held, paused
alter table lanes add column still_since timestamptz;
-- for how long the item's age has stood still in all, ended standstills only
alter table lane_items add column still_ms bigint not null default 0;
alter table messages
  -- attempts with a smaller id belong to an earlier round: an operator has asked for all parts anew
  add column replay_from uuid,
  add column failure_told boolean not null default false;
alter table attempts add column look_up_failing_since timestamptz;

-- What somebody is to be told of, in the transaction that makes it true; a worker turns it into words.
create table notes_due (
  id uuid primary key,
  tenant_id text not null,
  message_id uuid not null,
  kind text not null,
  created_at timestamptz not null default clock_timestamp()
);

-- Notes that found no conversation: they go into the history of the thread's next one.
create table waiting_notes (
  message_id uuid primary key,
  thread_id uuid not null
);
create index waiting_notes_thread on waiting_notes (thread_id);

-- Whoever wrote a message will read that it failed, once.
create function tell_failure(p_message_id uuid) returns void language sql as $$
  with told as (
    update messages set failure_told = true
    where id = p_message_id and author_type <> 'bot' and not failure_told returning id, tenant_id
  )
  insert into notes_due (id, tenant_id, message_id, kind) select new_id(), tenant_id, id, 'failed' from told
$$;

create function tell_recovery(p_message_id uuid) returns void language sql as $$
  with told as (
    update messages set failure_told = false where id = p_message_id and failure_told returning id, tenant_id
  )
  insert into notes_due (id, tenant_id, message_id, kind) select new_id(), tenant_id, id, 'recovered' from told
$$;

-- The provider speaks of an attempt that was given up: it has taken effect after all, and unless it failed in the end, what
-- was sent in its place is a double.
create function took_effect_late(p_message_id uuid, p_attempt_id uuid, p_failed boolean) returns void language sql as $$
  with late as (
    update attempts set outcome = 'submitted' where message_id = p_message_id and id = p_attempt_id and kind = 'send'
    returning message_id, id, part_n
  )
  update messages m set possible_duplicate = true
  from late join attempts o on o.message_id = late.message_id and o.part_n = late.part_n and o.id <> late.id
    and o.kind = 'send' and o.outcome in ('sending', 'submitted', 'uncertain')
  where m.id = late.message_id and not p_failed
$$;

-- The provider reports the arrival of what had failed: by its own report, or for want of any.
create function recover_message(p_message_id uuid) returns void language plpgsql as $$
begin
  update attempts a set outcome = 'submitted' from messages m
  where m.id = p_message_id and m.delivery = 'failed' and m.reason in ('outcome-unknown', 'too-old')
    and a.message_id = m.id and a.kind = 'send' and a.outcome in ('sending', 'uncertain')
    and a.receipt in ('delivered', 'read');
  update messages m set delivery = 'submitted', reason = null, submitted_at = coalesce(m.submitted_at, clock_timestamp())
  where m.id = p_message_id and m.delivery = 'failed'
    and m.reason in ('reported-by-provider', 'outcome-unknown', 'too-old')
    and exists (select from parts p where p.message_id = m.id) and not exists (
    select from parts p where p.message_id = m.id and not exists (
      select from attempts a where a.message_id = p.message_id and a.part_n = p.n and a.kind = 'send'
        and a.outcome = 'submitted' and a.receipt is distinct from 'failed' and a.receipt is distinct from 'undelivered'));
  if found then
    perform tell_recovery(p_message_id);
  end if;
end $$;

-- Ends an attempt and decides about the head of a lane, guarded by the fence. Answers the final delivery: a failure
-- that a callback reported before the call returned outranks 'submitted'. Null when the fence is not the caller's.
create function settle_head(
  p_lane_id uuid, p_fence bigint, p_lease_ms float8, p_failures int, p_not_before_ms float8, p_waiting_for text,
  p_message_id uuid, p_seq bigint, p_delivery text, p_ends boolean, p_reason text, p_provider_code text,
  p_possible_duplicate boolean, p_own_failure boolean, p_attempt_id uuid, p_outcome text, p_provider_id text,
  p_receipt text, p_http_status int, p_error_class text, p_error_code text, p_attempt_provider_code text,
  p_look_up_failed boolean
) returns text language plpgsql as $$
declare
  seen record;
  has_others boolean;
  is_doubled boolean := false;
  only_receipt text;
  late_attempt uuid;
  told boolean;
begin
  update lanes set lease_until = clock_timestamp() + p_lease_ms * interval '1 ms', failures = p_failures,
    not_before = clock_timestamp() + p_not_before_ms * interval '1 ms', waiting_for = p_waiting_for,
    still_since = case when p_delivery = 'held' and not p_ends then coalesce(still_since, clock_timestamp())
      else still_since end
  where id = p_lane_id and fence = p_fence and lease_until is not null;
  if not found then
    return null;
  end if;

  if p_attempt_id is not null then
    -- A callback may have named it while it was looked for: then it did take effect.
    update attempts a set ended_at = coalesce(a.ended_at, clock_timestamp()),
      outcome = case when p_outcome in ('not-sent', 'abandoned') and a.kind = 'send' and a.provider_id is not null
        then 'submitted' else p_outcome end,
      provider_id = coalesce(p_provider_id, a.provider_id),
      receipt = case when receipt_rank(p_receipt) > receipt_rank(a.receipt) then p_receipt else a.receipt end,
      http_status = coalesce(p_http_status, a.http_status), error_class = coalesce(p_error_class, a.error_class),
      error_code = coalesce(p_error_code, a.error_code), provider_code = coalesce(p_attempt_provider_code, a.provider_code),
      look_up_failing_since = case when p_look_up_failed then coalesce(a.look_up_failing_since, clock_timestamp()) end
    where a.message_id = p_message_id and a.id = p_attempt_id
    returning a.receipt, a.receipt_late into seen;
  else
    select null::text as receipt, null::text as receipt_late into seen;
  end if;

  -- Since the head was read it has come to its end, by a late report or by an operator: that stands, and nothing waits for it.
  if not exists (select from lane_items where lane_id = p_lane_id and seq = p_seq) then
    update lanes set failures = 0, not_before = null, waiting_for = null where id = p_lane_id;
    return (select delivery from messages where id = p_message_id);
  end if;

  -- The customer wrote while the call was under way: the window that it found closed is open now.
  if p_delivery = 'held' and p_reason = 'window' then
    if exists (
      select from messages m join attempts a on a.message_id = m.id and a.id = p_attempt_id
      where m.id = p_message_id and wrote_since(m.thread_id, a.started_at)
    ) then
      p_delivery := 'open';
      p_reason := null;
    end if;
  end if;

  if p_ends then
    delete from lane_items where lane_id = p_lane_id and seq = p_seq;
  else
    update lane_items set state = p_delivery, reason = p_reason, tries = tries + p_own_failure::int
    where lane_id = p_lane_id and seq = p_seq;
  end if;

  -- Nearly every message has one attempt: what concerns several is not looked for then.
  has_others := exists (select from attempts where message_id = p_message_id and id is distinct from p_attempt_id);
  if has_others and p_outcome = 'submitted' then
    is_doubled := exists (
      select from messages m join attempts a on a.message_id = m.id and a.id = p_attempt_id and a.kind = 'send'
      join attempts o on o.message_id = a.message_id and o.part_n = a.part_n and o.kind = 'send'
        and o.id <> a.id and o.outcome = 'submitted' and o.receipt is distinct from 'failed'
        and o.receipt is distinct from 'undelivered' and (m.replay_from is null or o.id >= m.replay_from)
      where m.id = p_message_id);
  end if;
  if p_delivery = 'submitted' and seen.receipt is not null then
    if (select count(*) from parts where message_id = p_message_id) = 1 then
      only_receipt := seen.receipt;
    end if;
  end if;
  update messages m set delivery = p_delivery, reason = p_reason,
    provider_code = coalesce(p_provider_code, case when p_delivery = 'submitted' then null else m.provider_code end),
    possible_duplicate = m.possible_duplicate or p_possible_duplicate or is_doubled,
    submitted_at = case when p_delivery = 'submitted' then clock_timestamp() else m.submitted_at end,
    receipt = coalesce(only_receipt, m.receipt)
  where m.id = p_message_id returning failure_told into told;

  -- A callback may have been faster than the call that it speaks of, or than the next part's.
  if p_delivery in ('submitted', 'open', 'uncertain') and (has_others or seen.receipt_late is not null) then
    select a.id into late_attempt from attempts a
    where a.message_id = p_message_id and a.kind = 'send' and a.outcome = 'submitted' and a.receipt_late is not null
      and a.receipt in ('failed', 'undelivered') and not exists (
        select from attempts n where n.message_id = a.message_id and n.part_n = a.part_n and n.kind = 'send'
          and n.outcome = 'submitted' and n.id > a.id)
    order by a.receipt_late = 'failed' desc, a.id limit 1;
    if late_attempt is not null then
      perform apply_late_failure(p_message_id, late_attempt);
      select delivery into p_delivery from messages where id = p_message_id;
    end if;
  end if;
  if p_delivery = 'failed' and p_ends then
    perform tell_failure(p_message_id);
  elsif p_delivery = 'submitted' and told then
    perform tell_recovery(p_message_id);
  elsif p_delivery = 'held' and p_reason = 'quarantine' then
    perform tell_failure(p_message_id);
  elsif p_delivery = 'held' and p_reason = 'no-conversation' then
    insert into waiting_notes (message_id, thread_id) select id, thread_id from messages where id = p_message_id
    on conflict do nothing;
  end if;
  return p_delivery;
end $$;

-- As the version before calls it.
create or replace function settle_head(
  p_lane_id uuid, p_fence bigint, p_lease_ms float8, p_failures int, p_not_before_ms float8, p_waiting_for text,
  p_message_id uuid, p_seq bigint, p_delivery text, p_ends boolean, p_reason text, p_provider_code text,
  p_possible_duplicate boolean, p_own_failure boolean, p_attempt_id uuid, p_outcome text, p_provider_id text,
  p_receipt text, p_http_status int, p_error_class text, p_error_code text, p_attempt_provider_code text
) returns text language plpgsql as $$
begin
  return settle_head(p_lane_id, p_fence, p_lease_ms, p_failures, p_not_before_ms, p_waiting_for, p_message_id, p_seq,
    p_delivery, p_ends, p_reason, p_provider_code, p_possible_duplicate, p_own_failure, p_attempt_id, p_outcome,
    p_provider_id, p_receipt, p_http_status, p_error_class, p_error_code, p_attempt_provider_code, false);
end $$;

-- A provider's report of failure about a part that counted as submitted, while its message did or while
-- later parts of it wait. Answers whether its lane has work again. The caller holds the lane's row.
create or replace function apply_late_failure(p_message_id uuid, p_attempt_id uuid) returns boolean language plpgsql as $$
declare
  m record;
  a record;
  verdict text;
begin
  select id, thread_id, lane_id, seq, delivery, submitted_at, replay_from into m from messages where id = p_message_id for update;
  select receipt_late, receipt_code, part_n, started_at into a from attempts
  where message_id = p_message_id and id = p_attempt_id;
  if m.delivery is null or m.delivery not in ('submitted', 'open', 'uncertain') or a.receipt_late is null then
    return false;
  end if;
  -- Another attempt has brought the part there.
  if exists (
    select from attempts o where o.message_id = p_message_id and o.part_n = a.part_n and o.kind = 'send'
      and o.id <> p_attempt_id and o.outcome = 'submitted' and o.receipt is distinct from 'failed'
      and o.receipt is distinct from 'undelivered' and (m.replay_from is null or o.id >= m.replay_from)
  ) then
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
    perform tell_failure(p_message_id);
    return m.delivery <> 'submitted';
  end if;
  if verdict = 'once-more' and m.delivery <> 'submitted' then
    return false; -- still in its lane, where the part is sent again
  end if;
  update messages set delivery = case verdict when 'once-more' then 'open' else 'held' end,
    reason = case verdict when 'once-more' then null else 'window' end, provider_code = a.receipt_code,
    possible_duplicate = possible_duplicate or m.delivery = 'uncertain', submitted_at = null
  where id = p_message_id;
  -- While it counted as submitted it did not grow older.
  insert into lane_items (lane_id, seq, message_id, state, reason, still_ms)
  values (m.lane_id, m.seq, p_message_id, case verdict when 'once-more' then 'open' else 'held' end,
    case verdict when 'once-more' then null else 'window' end,
    coalesce(extract(epoch from clock_timestamp() - m.submitted_at) * 1000, 0))
  on conflict (lane_id, seq) do update set state = excluded.state, reason = excluded.reason;
  if verdict <> 'once-more' then
    update lanes set still_since = coalesce(still_since, clock_timestamp()) where id = m.lane_id;
  end if;
  return verdict = 'once-more';
end $$;

-- Accepts receipts. Answers one row per receipt that is new: whether its attempt was found, and the lane that has
-- work again because of it. Receipts go forward by rank only, and a stored error is never erased.
create or replace function accept_receipts(
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
      if r.outcome in ('not-sent', 'abandoned') then
        perform took_effect_late(r.message_id, r.id, p_status[r.ord] in ('failed', 'undelivered'));
      end if;
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
        elsif p_status[r.ord] in ('delivered', 'read') then
          perform recover_message(r.message_id);
        end if;
      end if;
    end if;
    return next;
  end loop;
end $$;

-- Binds a desk conversation to ours: by the create's answer, by our correlation value in an event, or by the list.
-- 'bound': it is ours now (or was already); 'orphan': another is, or ours is closed: this one will be ended;
-- 'foreign': it belongs to another conversation, or names one that is not here: left alone.
create or replace function bind_conversation(
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
    -- Notes that the create carried as history have reached their agent.
    with carried as (delete from waiting_notes w where w.message_id = any (c.create_history) returning w.message_id)
    update messages m set delivery = 'submitted', reason = null, submitted_at = clock_timestamp(), conversation_id = c.id
    from carried where m.id = carried.message_id and m.delivery = 'held';
  end if;
  return query select 'bound', null::uuid
    union all select 'bound', m.lane_id from move_parked(p_tenant, p_desk_id) m;
end $$;

-- Turns what is due into messages: for an agent a note in the thread's inbound lane, for a customer a text in the outbound
-- one, there at most one in ten minutes. Arrays are parallel; a null text says that nobody is told. Answers the lanes to wake.
create function post_notes(p_note_id uuid[], p_text text[]) returns table (lane_id uuid, direction text)
language plpgsql as $$
#variable_conflict use_column
begin
  perform 1 from lanes l where l.thread_id in (
    select m.thread_id from notes_due d join messages m on m.id = d.message_id where d.id = any (p_note_id))
  order by l.thread_id, l.direction for update;
  return query
  with note as materialized (
    select distinct on (case m.direction when 'inbound' then m.thread_id else n.id end)
      new_id() as id, m.tenant_id, m.thread_id, m.conversation_id, n.text,
      case m.direction when 'outbound' then 'inbound' else 'outbound' end as direction, n.ord
    from unnest(p_note_id, p_text) with ordinality as n (id, text, ord)
    join notes_due d on d.id = n.id join messages m on m.id = d.message_id
    where n.text is not null and not (m.direction = 'inbound' and exists (
      select from lanes l join messages told on told.lane_id = l.id
      where l.thread_id = m.thread_id and l.direction = 'outbound' and told.author_type = 'bot'
        and told.id > uuid_v7_floor(clock_timestamp() - interval '10 minutes')))
    order by case m.direction when 'inbound' then m.thread_id else n.id end, n.ord
  ), lane as (
    insert into lanes as l (id, tenant_id, thread_id, direction, next_seq)
    select new_id(), min(note.tenant_id), note.thread_id, note.direction, count(*) from note
    group by note.thread_id, note.direction order by note.thread_id, note.direction
    on conflict (thread_id, direction) do update set next_seq = l.next_seq + excluded.next_seq
    returning l.id, l.thread_id, l.direction, l.next_seq
  ), numbered as (
    select note.*, lane.id as lane_id, lane.next_seq + 1
      - row_number() over (partition by note.thread_id, note.direction order by note.ord desc) as seq
    from note join lane on lane.thread_id = note.thread_id and lane.direction = note.direction
  ), stored_messages as (
    insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery,
      conversation_id)
    select id, tenant_id, thread_id, lane_id, direction, 'bot', seq,
      json_build_object('type', case direction when 'inbound' then 'note' else 'text' end, 'text', text), 'open',
      case direction when 'outbound' then conversation_id end
    from numbered
  ), stored_items as (
    insert into lane_items (lane_id, seq, message_id, state) select lane_id, seq, id, 'open' from numbered
  )
  select distinct numbered.lane_id, numbered.direction from numbered;
  delete from notes_due where id = any (p_note_id);
end $$;
`;

/** The functions as they were. */
export const outcomesBefore = /* sql */ `
drop function post_notes;
drop function settle_head(uuid, bigint, float8, int, float8, text, uuid, bigint, text, boolean, text, text, boolean, boolean,
  uuid, text, text, text, int, text, text, text, boolean);
${functionIn(deliveryFunctions, 'settle_head')}
${functionIn(acceptFunctions, 'apply_late_failure')}
${functionIn(acceptFunctions, 'accept_receipts')}
${functionIn(conversationFunctions, 'bind_conversation')}
drop function recover_message;
drop function took_effect_late;
drop function tell_recovery;
drop function tell_failure;
drop table waiting_notes;
drop table notes_due;
alter table attempts drop column look_up_failing_since;
alter table messages drop column failure_told, drop column replay_from;
alter table lane_items drop column still_ms;
alter table lanes drop column still_since;
`;
