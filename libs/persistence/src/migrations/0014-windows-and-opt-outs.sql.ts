import { acceptFunctions } from './0001-accept.sql.js';
import { outcomes } from './0005-outcomes.sql.js';
import { functionIn } from './function-in.js';

/**
 * What stops messages to a customer before they are sent: a reply window that is closed, and their word that they want none.
 * Everything that a worker or gateway of the version before calls keeps its signature (ADR 0027).
 */
export const windowsAndOptOuts = /* sql */ `
alter table lanes
  -- when the provider last called the reply window closed, by the start of the call that it refused
  add column window_closed_at timestamptz,
  -- when the customer was last sent the template that asks them to write
  add column template_sent_at timestamptz;
alter table messages add column window_told boolean not null default false;
alter table attempts drop constraint attempts_kind_check,
  add constraint attempts_kind_check check (kind in ('send', 'create', 'template')),
  -- what the provider bills by: how the text was encoded, and how many messages carriers make of it
  add column encoding text,
  add column segments int;

-- Who wants no messages from a sender of ours, and who wants them again.
create table opt_outs (
  tenant_id text not null,
  account_sid text not null,
  -- a Messaging Service, or an address of ours that belongs to none
  sender text not null,
  customer_id uuid not null,
  opted_out boolean not null,
  -- whether that changed anything: a START of somebody who had not opted out lifts nothing
  lifted boolean not null default false,
  -- what said so: a message of theirs, an attempt of ours that was refused, an operator's act; the latest counts (UUIDv7)
  source uuid not null,
  changed_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, account_sid, sender, customer_id)
);
create index opt_outs_customer on opt_outs (customer_id);

create function record_opt_out(p_thread_id uuid, p_opted_out boolean, p_source uuid) returns void language sql as $$
  insert into opt_outs as o (tenant_id, account_sid, sender, customer_id, opted_out, source)
  select t.tenant_id, n.account_sid, coalesce(n.messaging_service_sid, n.address), t.customer_id, p_opted_out, p_source
  from threads t join business_numbers n on n.id = t.number_id where t.id = p_thread_id
  on conflict (tenant_id, account_sid, sender, customer_id) do update
    set opted_out = excluded.opted_out, lifted = o.opted_out and not excluded.opted_out, source = excluded.source,
      changed_at = clock_timestamp()
    where o.source < excluded.source
$$;

-- A customer's STOP or START, by the key of the message. Safe to call again, and for one that came before.
create function record_keyword(p_digest bytea, p_opted_out boolean) returns void language sql as $$
  select record_opt_out(m.thread_id, p_opted_out, m.id)
  from dedupe_keys k join messages m on m.id = k.message_id where k.digest = p_digest
$$;

-- The provider refused an attempt because its customer has opted out.
create function record_refusal(p_message_id uuid, p_attempt_id uuid, p_provider_id text) returns void language sql as $$
  select record_opt_out(m.thread_id, true, a.id)
  from attempts a join messages m on m.id = a.message_id
  where (a.message_id = p_message_id and a.id = p_attempt_id) or (p_attempt_id is null and a.provider_id = p_provider_id)
  limit 1
$$;

create function is_opted_out(p_tenant text, p_account text, p_address text, p_service text, p_customer_id uuid)
returns boolean language sql stable as $$
  select exists (select from opt_outs o where o.tenant_id = p_tenant and o.account_sid = p_account
    and o.sender = coalesce(p_service, p_address) and o.customer_id = p_customer_id and o.opted_out)
$$;

-- Whether the customer of a message's thread has written since an instant: then a closed reply window is open again.
-- Notes and hand-overs stand in the same lane, and are nobody's words.
create or replace function wrote_since(p_thread_id uuid, p_since timestamptz) returns boolean language sql stable as $$
  select coalesce((
    select m.accepted_at > p_since from lanes l join messages m on m.lane_id = l.id
    where l.thread_id = p_thread_id and l.direction = 'inbound' and m.author_type = 'user' order by m.seq desc limit 1
  ), false)
$$;

-- The reply window of an outbound lane: 'open', 'closed', or 'asked' where the customer was sent the template since they
-- last wrote.
create function reply_window(p_lane_id uuid, p_window_ms float8) returns text language sql stable as $$
  select case
    when w.wrote_at > greatest(clock_timestamp() - p_window_ms * interval '1 ms', w.window_closed_at) then 'open'
    when w.template_sent_at > coalesce(w.wrote_at, '-infinity') then 'asked'
    else 'closed' end
  from (
    select o.window_closed_at, o.template_sent_at, (
      select m.accepted_at from lanes i join messages m on m.lane_id = i.id
      where i.thread_id = o.thread_id and i.direction = 'inbound' and m.author_type = 'user' order by m.seq desc limit 1
    ) as wrote_at
    from lanes o where o.id = p_lane_id
  ) w
$$;

-- The agent will read that the message waits for the customer, once.
create function tell_window(p_message_id uuid, p_kind text) returns void language sql as $$
  with told as (
    update messages set window_told = true
    where id = p_message_id and author_type <> 'bot' and not window_told returning id, tenant_id
  )
  insert into notes_due (id, tenant_id, message_id, kind) select new_id(), tenant_id, id, p_kind from told
$$;

-- Holds the head of a lane for its reply window, guarded by the fence. Answers its delivery: 'held', 'open' where the window
-- has opened meanwhile, or what it has come to by a late report. Null when the fence is not the caller's. Whoever opens windows
-- locks the lane, too: they see it held, or are seen here. p_refused: the provider
-- has refused the template; p_told: the agent knows, by a message before it.
create function hold_for_window(
  p_lane_id uuid, p_fence bigint, p_lease_ms float8, p_message_id uuid, p_seq bigint, p_window_ms float8,
  p_refused boolean, p_told boolean
) returns text language plpgsql as $$
declare
  state text;
begin
  update lanes set lease_until = clock_timestamp() + p_lease_ms * interval '1 ms', failures = 0, not_before = null,
    waiting_for = null
  where id = p_lane_id and fence = p_fence and lease_until is not null;
  if not found then
    return null;
  end if;
  state := reply_window(p_lane_id, p_window_ms);
  if state = 'open' or not exists (select from lane_items where lane_id = p_lane_id and seq = p_seq) then
    return (select delivery from messages where id = p_message_id);
  end if;
  update lanes set still_since = coalesce(still_since, clock_timestamp()) where id = p_lane_id;
  update lane_items set state = 'held', reason = 'window' where lane_id = p_lane_id and seq = p_seq;
  update messages set delivery = 'held', reason = 'window' where id = p_message_id;
  if not p_told then
    perform tell_window(p_message_id, case when state = 'asked' then 'window-asked'
      when p_refused then 'window-refused' else 'window' end);
  end if;
  return 'held';
end $$;

-- A message of a bot's or an operator's to a customer, once per key: 'posted', 'repeated' (the same came before under this
-- key), 'conflict' (something else did), 'unknown' (no such thread). Lock order as everywhere: keys before lanes.
create function post_message(
  p_tenant text, p_thread_id uuid, p_digest bytea, p_body_digest bytea, p_id uuid, p_content json, p_actor text,
  p_operator text
) returns table (outcome text, message_id uuid, lane_id uuid) language plpgsql as $$
#variable_conflict use_column
declare
  before record;
  lane record;
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
  insert into lanes as l (id, tenant_id, thread_id, direction, next_seq) values (new_id(), p_tenant, p_thread_id, 'outbound', 1)
  on conflict (thread_id, direction) do update set next_seq = l.next_seq + 1
  returning l.id, l.next_seq into lane;
  insert into messages (id, tenant_id, thread_id, lane_id, direction, author_type, seq, content, delivery, conversation_id)
  values (p_id, p_tenant, p_thread_id, lane.id, 'outbound', 'bot', lane.next_seq, p_content, 'open',
    (select c.id from conversations c where c.thread_id = p_thread_id and c.state <> 'closed'));
  insert into lane_items (lane_id, seq, message_id, state) values (lane.id, lane.next_seq, p_id, 'open');
  perform record_act(p_tenant, p_actor, p_operator, 'message.post', 'message', p_id,
    jsonb_build_object('type', p_content ->> 'type'));
  return query select 'posted', p_id, lane.id;
end $$;

-- An operator's word about a customer who has opted out of a number, or in again. Answers whether there is such a thread.
create function set_opt_out(
  p_tenant text, p_customer_id uuid, p_number_id uuid, p_opted_out boolean, p_actor text, p_operator text
) returns boolean language plpgsql as $$
declare
  thread uuid;
begin
  select t.id into thread from threads t
  where t.tenant_id = p_tenant and t.customer_id = p_customer_id and t.number_id = p_number_id;
  if thread is null then
    return false;
  end if;
  perform record_opt_out(thread, p_opted_out, new_id());
  perform record_act(p_tenant, p_actor, p_operator, 'customer.opt-out', 'customer', p_customer_id,
    jsonb_build_object('numberId', p_number_id, 'optedOut', p_opted_out));
  return true;
end $$;

-- A provider's report of failure about a part that counted as submitted, while its message did or while
-- later parts of it wait. Answers whether its lane has work again. The caller holds the lane's row.
create or replace function apply_late_failure(p_message_id uuid, p_attempt_id uuid) returns boolean language plpgsql as $$
declare
  m record;
  a record;
  verdict text;
  asks boolean := false;
  is_template boolean;
begin
  select id, tenant_id, thread_id, lane_id, seq, delivery, reason, submitted_at, replay_from into m
  from messages where id = p_message_id for update;
  select receipt_late, receipt_code, part_n, started_at, kind into a from attempts
  where message_id = p_message_id and id = p_attempt_id;
  -- The template that asks customers to write did not arrive: whoever waits for their word is told, and may ask again.
  if a.kind = 'template' and m.delivery = 'held' and m.reason = 'window' and a.receipt_late is not null then
    update lanes set template_sent_at = null where id = m.lane_id;
    insert into notes_due (id, tenant_id, message_id, kind) values (new_id(), m.tenant_id, p_message_id, 'window-refused');
    return false;
  end if;
  if m.delivery is null or m.delivery not in ('submitted', 'open', 'uncertain') or a.receipt_late is null
    or a.kind <> 'send' then
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
  -- A window never closes for a template that is approved: this one is not, and waiting would change nothing.
  is_template := verdict = 'held-window' and exists (select from parts p where p.message_id = p_message_id
    and p.n = a.part_n and p.content ->> 'content' is not null and p.content ->> 'interactive' is null);
  if is_template then
    verdict := 'failed';
  end if;
  if verdict = 'held-window' then
    update lanes set window_closed_at = greatest(window_closed_at, a.started_at) where id = m.lane_id;
    if wrote_since(m.thread_id, a.started_at) then
      verdict := 'once-more';
    else
      -- The template is a worker's to send: it finds the window closed, and holds the message after that.
      asks := exists (select from threads t join business_numbers n on n.id = t.number_id
        where t.id = m.thread_id and n.settings ? 'windowTemplate');
    end if;
  end if;
  if verdict = 'failed' then
    update messages set delivery = 'failed',
      reason = case when is_template then 'template-not-approved' else 'reported-by-provider' end,
      provider_code = case when not is_template then a.receipt_code end
    where id = p_message_id;
    delete from lane_items where lane_id = m.lane_id and seq = m.seq;
    perform tell_failure(p_message_id);
    return m.delivery <> 'submitted';
  end if;
  if verdict = 'once-more' and m.delivery <> 'submitted' then
    return false; -- still in its lane, where the part is sent again
  end if;
  asks := asks or verdict = 'once-more';
  update messages set delivery = case when asks then 'open' else 'held' end,
    reason = case when not asks then 'window' end, provider_code = a.receipt_code,
    possible_duplicate = possible_duplicate or m.delivery = 'uncertain', submitted_at = null
  where id = p_message_id;
  -- While it counted as submitted it did not grow older.
  insert into lane_items (lane_id, seq, message_id, state, reason, still_ms)
  values (m.lane_id, m.seq, p_message_id, case when asks then 'open' else 'held' end,
    case when not asks then 'window' end,
    coalesce(extract(epoch from clock_timestamp() - m.submitted_at) * 1000, 0))
  on conflict (lane_id, seq) do update set state = excluded.state, reason = excluded.reason;
  if not asks then
    update lanes set still_since = coalesce(still_since, clock_timestamp()) where id = m.lane_id;
    perform tell_window(p_message_id, 'window');
  end if;
  return asks;
end $$;
`;

/** The functions as they were. Who has opted out is forgotten. */
export const windowsAndOptOutsBefore = /* sql */ `
drop function set_opt_out;
drop function post_message;
drop function hold_for_window;
drop function tell_window;
drop function reply_window;
${functionIn(outcomes, 'apply_late_failure')}
${functionIn(acceptFunctions, 'wrote_since')}
drop function is_opted_out;
drop function record_refusal;
drop function record_keyword;
drop function record_opt_out;
drop table opt_outs;
delete from attempts where kind = 'template';
alter table attempts drop constraint attempts_kind_check,
  add constraint attempts_kind_check check (kind in ('send', 'create')), drop column segments, drop column encoding;
alter table messages drop column window_told;
alter table lanes drop column template_sent_at, drop column window_closed_at;
`;
