/**
 * What operators do to messages and lanes, each act with its line in the audit log, in one transaction (ADR 0022). Lanes are
 * locked first, in order, as everywhere; then, message by message, its attempts and the message, in the order that receipts and
 * outcomes take them, too: a receipt that reports arrival, or a create that carries a note, changes a message without its lane.
 */
export const operatorActs = /* sql */ `
-- No personal data, so that it can be kept: customers, threads and messages by their ids.
create table audit (
  id uuid primary key,
  tenant_id text not null,
  at timestamptz not null,
  -- whose key it was
  actor text not null,
  -- who used it, as far as they said so
  operator text,
  action text not null,
  target_kind text not null,
  target_id uuid,
  details jsonb not null
);
create index audit_newest on audit (tenant_id, id);
create index audit_target on audit (target_id, id) where target_id is not null;

create function record_act(
  p_tenant text, p_actor text, p_operator text, p_action text, p_target_kind text, p_target_id uuid, p_details jsonb
) returns uuid language sql as $$
  insert into audit (id, tenant_id, at, actor, operator, action, target_kind, target_id, details)
  values (new_id(), p_tenant, clock_timestamp(), p_actor, p_operator, p_action, p_target_kind, p_target_id, p_details)
  returning id
$$;

-- Locks messages so that nothing is decided about them but by us. The caller holds the rows of their lanes.
create function lock_messages(p_ids uuid[]) returns void language plpgsql as $$
begin
  perform 1 from attempts where message_id = any (p_ids) order by message_id, id for update;
  perform 1 from messages where id = any (p_ids) order by id for update;
end $$;

-- An operator has decided what no look-up could: the attempts in doubt stay unknown for good. Answers whose those were.
create function abandon_attempts(p_ids uuid[]) returns uuid[] language sql as $$
  with abandoned as (
    update attempts set outcome = 'abandoned', ended_at = coalesce(ended_at, clock_timestamp())
    where message_id = any (p_ids) and kind = 'send' and outcome in ('sending', 'uncertain') returning message_id
  )
  select coalesce(array_agg(distinct message_id), '{}') from abandoned
$$;

-- The smallest id after a message's attempts. Not new_id(): the ids of attempts come from the workers' clocks.
create function after_attempts(p_message_id uuid) returns uuid language sql stable as $$
  select (left(h, 20) || right(to_hex(x'1000000000000'::bigint + ('x' || right(h, 12))::bit(48)::bigint + 1), 12))::uuid
  from (
    select replace(a.id::text, '-', '') as h from attempts a where a.message_id = p_message_id order by a.id desc limit 1
  ) newest
$$;

-- A back-off is its head's: it ends where an item gets before all others of its lane, or goes from there. The caller holds
-- the rows of the lanes.
create function end_back_off(p_ids uuid[]) returns void language sql as $$
  update lanes l set not_before = null, waiting_for = null, failures = 0
  from (select lane_id, min(seq) as seq from messages where id = any (p_ids) group by lane_id) first
  where l.id = first.lane_id and (l.waiting_for is null or l.waiting_for = 'back-off')
    and (l.not_before is not null or l.failures > 0)
    and not exists (select from lane_items i where i.lane_id = l.id and i.seq < first.seq)
$$;

-- A new round of attempts for those of these messages that failed or are held, each at its own place in its lane. The caller
-- holds the rows of the lanes. Answers which those are.
create function begin_replays(p_ids uuid[], p_all_parts boolean) returns uuid[] language plpgsql as $$
declare
  ids uuid[];
  abandoned uuid[];
  doubtful uuid[];
begin
  perform lock_messages(p_ids);
  select array_agg(id),
    abandon_attempts(coalesce(array_agg(id) filter (where p_all_parts or delivery = 'held' and reason = 'uncertain'), '{}'))
  into ids, abandoned from messages where id = any (p_ids) and delivery in ('failed', 'held');
  if ids is null then
    return '{}';
  end if;
  -- These failed for another reason than the doubt: what became of them is looked up before anything is repeated.
  doubtful := array(select distinct message_id from attempts
    where message_id = any (ids) and kind = 'send' and outcome in ('sending', 'uncertain'));
  -- What the provider reported of the rounds before has had its effect. The report itself stays.
  update attempts set receipt_late = null where message_id = any (ids) and receipt_late is not null;

  -- As young as if just accepted. A standstill that goes on is taken off when it ends.
  insert into lane_items as i (lane_id, seq, message_id, state, still_ms)
  select m.lane_id, m.seq, m.id, case when m.id = any (doubtful) then 'uncertain' else 'open' end,
    extract(epoch from case when l.still_since is null then clock_timestamp()
      else greatest(l.still_since, m.accepted_at) end - m.accepted_at) * 1000
  from messages m join lanes l on l.id = m.lane_id where m.id = any (ids)
  on conflict (lane_id, seq) do update
    set state = excluded.state, reason = null, tries = 0, still_ms = excluded.still_ms;
  update messages set delivery = case when id = any (doubtful) then 'uncertain' else 'open' end, reason = null,
    provider_code = null, receipt = null, submitted_at = null,
    possible_duplicate = possible_duplicate or id = any (abandoned),
    replay_from = case when p_all_parts then coalesce(after_attempts(id), replay_from) else replay_from end
  where id = any (ids);
  perform end_back_off(ids);
  return ids;
end $$;

-- 'replayed', 'unknown', or 'not-replayable' with the delivery that it has.
create function replay_message(p_tenant text, p_id uuid, p_all_parts boolean, p_actor text, p_operator text)
returns table (outcome text, delivery text, lane_id uuid, direction text) language plpgsql as $$
#variable_conflict use_column
declare
  m messages;
begin
  select * into m from messages x where x.id = p_id and x.tenant_id = p_tenant;
  if m.id is null then
    return query select 'unknown', null::text, null::uuid, null::text;
    return;
  end if;
  perform 1 from lanes where id = m.lane_id for update;
  perform lock_messages(array[p_id]);
  select * into m from messages x where x.id = p_id;
  if begin_replays(array[p_id], p_all_parts) = '{}' then
    return query select 'not-replayable', m.delivery, m.lane_id, m.direction;
    return;
  end if;
  perform record_act(p_tenant, p_actor, p_operator, 'message.replay', 'message', p_id, jsonb_build_object(
    'allParts', p_all_parts, 'was', jsonb_strip_nulls(jsonb_build_object('delivery', m.delivery, 'reason', m.reason))));
  return query select 'replayed', m.delivery, m.lane_id, m.direction;
end $$;

-- One batch of a replay by filter: adds to the count in its line of the audit log. Answers the lanes to wake.
create function replay_messages(p_ids uuid[], p_audit_id uuid)
returns table (lane_id uuid, direction text, replayed int) language plpgsql as $$
#variable_conflict use_column
declare
  done uuid[];
begin
  perform 1 from lanes where id in (select m.lane_id from messages m where m.id = any (p_ids))
  order by thread_id, direction for update;
  done := begin_replays(p_ids, false);
  update audit set details = jsonb_set(details, '{replayed}',
    to_jsonb(coalesce((details ->> 'replayed')::int, 0) + cardinality(done)))
  where id = p_audit_id;
  return query select m.lane_id, m.direction, count(*)::int from messages m where m.id = any (done) group by 1, 2;
end $$;

-- 'discarded', 'discarded-already', 'unknown', 'under-way' with the delivery that it has, or 'lane-taken': a worker has the
-- lane and may be about to send it.
create function discard_message(p_tenant text, p_id uuid, p_actor text, p_operator text)
returns table (outcome text, delivery text, lane_id uuid, direction text) language plpgsql as $$
#variable_conflict use_column
declare
  m messages;
  lane record;
  in_lane boolean;
begin
  select * into m from messages x where x.id = p_id and x.tenant_id = p_tenant;
  if m.id is null then
    return query select 'unknown', null::text, null::uuid, null::text;
    return;
  end if;
  select l.id, l.lease_until > clock_timestamp() as leased into lane from lanes l where l.id = m.lane_id for update;
  delete from waiting_notes w where w.message_id = p_id and m.reason = 'no-conversation';
  perform lock_messages(array[p_id]);
  select * into m from messages x where x.id = p_id;
  in_lane := exists (select from lane_items i where i.lane_id = m.lane_id and i.seq = m.seq);
  outcome := case
    when m.delivery = 'failed' and m.reason = 'discarded' then 'discarded-already'
    when m.delivery not in ('failed', 'held', 'open') then 'under-way'
    when in_lane and lane.leased then 'lane-taken'
    else 'discarded' end;
  if outcome = 'discarded' then
    -- Whoever held the lane until its lease ran out may be about to send: the fence stops them.
    update lanes set fence = fence + 1, lease_until = null where in_lane and id = m.lane_id and lease_until is not null;
    delete from lane_items i where i.lane_id = m.lane_id and i.seq = m.seq;
    perform end_back_off(array[p_id]);
    update messages x set delivery = 'failed', reason = 'discarded' where x.id = p_id;
    -- Whoever wrote an answer believes that it was sent. Of a customer's text that was given up nobody is told.
    if m.direction = 'outbound' then
      perform tell_failure(p_id);
    end if;
    perform record_act(p_tenant, p_actor, p_operator, 'message.discard', 'message', p_id, jsonb_build_object(
      'was', jsonb_strip_nulls(jsonb_build_object('delivery', m.delivery, 'reason', m.reason))));
  end if;
  return query select outcome, m.delivery, m.lane_id, m.direction;
end $$;

-- Takes a lane up again, now: its pause and its back-off end, and so does what holds its head for one of these reasons.
-- Answers whether there is such a lane.
create function resume_lane(p_tenant text, p_id uuid, p_reasons text[], p_actor text, p_operator text)
returns boolean language plpgsql as $$
declare
  head record;
  abandoned uuid[] := '{}';
  released boolean;
begin
  perform 1 from lanes where id = p_id and tenant_id = p_tenant for update;
  if not found then
    return false;
  end if;
  select i.* into head from lane_items i where i.lane_id = p_id order by i.seq limit 1;
  released := coalesce(head.state = 'held' and head.reason = any (p_reasons), false);
  if released then
    if head.reason = 'uncertain' then
      abandoned := abandon_attempts(array[head.message_id]);
    end if;
    update lane_items set state = 'open', reason = null where lane_id = p_id and seq = head.seq;
    update messages set delivery = 'open', reason = null, possible_duplicate = possible_duplicate or id = any (abandoned)
    where id = head.message_id;
  end if;
  update lanes set paused_at = null, not_before = null, waiting_for = null where id = p_id;
  perform record_act(p_tenant, p_actor, p_operator, 'lane.resume', 'lane', p_id, case when released
    then jsonb_build_object('released', jsonb_build_object('messageId', head.message_id, 'reason', head.reason))
    else '{}' end);
  return true;
end $$;

create function pause_lane(p_tenant text, p_id uuid, p_actor text, p_operator text) returns boolean language plpgsql as $$
begin
  update lanes set paused_at = coalesce(paused_at, clock_timestamp()), still_since = coalesce(still_since, clock_timestamp())
  where id = p_id and tenant_id = p_tenant;
  if found then
    perform record_act(p_tenant, p_actor, p_operator, 'lane.pause', 'lane', p_id, '{}');
    return true;
  end if;
  return false;
end $$;
`;
