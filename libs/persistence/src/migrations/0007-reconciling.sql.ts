/** What the reconcilers need (ADR 0021): where they are, what is to be looked at, and accepting what no webhook brought. */
export const reconciling = /* sql */ `
-- Up to where a reconciler has seen everything, by its name.
create table reconcile_marks (
  name text primary key,
  reached timestamptz not null,
  -- failures in a row, and when the last pass ended
  failures int not null default 0,
  tried_at timestamptz not null default now()
);

-- One row per conversation that is compared with the desk: made by binding, gone after the comparison that follows its end.
create table conversation_checks (
  conversation_id uuid primary key,
  due_at timestamptz not null default now(),
  tries int not null default 0
) with (fillfactor = 70);
create index conversation_checks_due on conversation_checks (due_at);
create function conversation_is_bound() returns trigger language plpgsql as $$
begin
  insert into conversation_checks (conversation_id) values (new.id) on conflict do nothing;
  return null;
end $$;
create trigger conversation_is_bound after update of desk_conversation_id on conversations
  for each row when (new.desk_conversation_id is distinct from old.desk_conversation_id and new.desk_conversation_id is not null)
  execute function conversation_is_bound();
insert into conversation_checks (conversation_id)
select id from conversations where state <> 'closed' and desk_conversation_id is not null;

-- Of an entry of the desk's list that was taken for want of its event: whether that event has come. Null for events.
alter table desk_events add column announced boolean;
-- How many such entries still wait for their event.
alter table desk_conversations add column unannounced int not null default 0;

-- Sent parts whose receipt stood still when they were looked at; the others never get here.
create table receipt_checks (
  message_id uuid not null,
  attempt_id uuid not null,
  due_at timestamptz not null,
  tries int not null default 0,
  primary key (message_id, attempt_id)
) with (fillfactor = 70);
create index receipt_checks_due on receipt_checks (due_at);
-- Attempts lie in the order of their start, and their receipts change: an index of blocks costs those changes nothing.
create index attempts_started on attempts using brin (started_at) with (autosummarize = on);

-- Looks once at the attempts of the span after the last look, and keeps those without a final receipt. Answers whether the
-- look has reached what is older than p_after_ms.
create function note_silent_receipts(p_after_ms float8, p_life_ms float8, p_span_ms float8) returns boolean language plpgsql as $$
declare
  reach timestamptz := clock_timestamp() - p_after_ms * interval '1 ms';
  seen timestamptz;
  upto timestamptz;
begin
  insert into reconcile_marks as r (name, reached) values ('receipts', reach - p_life_ms * interval '1 ms')
  on conflict (name) do update set tried_at = now()
  returning r.reached into seen;
  upto := least(reach, greatest(seen, reach - p_life_ms * interval '1 ms') + p_span_ms * interval '1 ms');
  insert into receipt_checks (message_id, attempt_id, due_at)
  select a.message_id, a.id, now() from attempts a
  where a.started_at >= seen and a.started_at < upto and a.kind = 'send'
    and (a.outcome = 'submitted' and a.provider_id is not null or a.outcome in ('sending', 'uncertain'))
    and (a.receipt is null or a.receipt in ('queued', 'sending', 'sent'))
  on conflict do nothing;
  update reconcile_marks set reached = upto where name = 'receipts';
  return upto = reach;
end $$;

-- Accepts messages that the provider lists and no webhook brought: under the same keys, marked as the reconciler's. A number
-- is never made by this, and one that is not configured takes nothing.
create function accept_listed_messages(
  p_tenant text[], p_digest bytea[], p_message_id uuid[], p_channel text[], p_account text[], p_to text[],
  p_service text[], p_from text[], p_alias text[], p_second_alias text[], p_name text[],
  p_provider_message_id text[], p_content json[], p_raw json[]
) returns table (ord int, lane_id uuid, lane_direction text) language plpgsql as $$
#variable_conflict use_column
begin
  return query select * from accept_messages(p_tenant, p_digest, p_message_id, p_channel, p_account, p_to, p_service,
    p_from, p_alias, p_second_alias, p_name, p_provider_message_id, p_content, p_raw);
  update dedupe_keys k set origin = 'reconciler' from unnest(p_digest, p_message_id) as i (digest, message_id)
  where k.digest = i.digest and k.message_id = i.message_id;
  if exists (
    select from messages m join threads t on t.id = m.thread_id join business_numbers b on b.id = t.number_id
    where m.id = any (p_message_id) and b.state <> 'configured'
  ) then
    raise exception 'accept_listed_messages: a number that is not configured';
  end if;
end $$;

-- Webhooks that met keys of the reconciler's: their parameters join those of the message, once. What they carry, which is
-- more than a list tells, replaces the message's content while nothing of it has been rendered.
create function add_parameters(p_digest bytea[], p_content json[], p_raw json[]) returns int language plpgsql as $$
declare
  added int;
begin
  perform 1 from dedupe_keys where digest = any (p_digest) and origin = 'reconciler' order by digest for update;
  if not found then
    return 0;
  end if;
  with met as (
    update dedupe_keys k set origin = 'webhook'
    from unnest(p_digest, p_content, p_raw) as i (digest, content, raw)
    where k.digest = i.digest and k.origin = 'reconciler'
    returning k.message_id, i.content, i.raw
  )
  update messages m set
    content = case when exists (select from parts p where p.message_id = m.id) then m.content else met.content end,
    -- As texts: jsonb takes no NUL. Lists and webhooks name nothing alike.
    raw = case when m.raw is null then met.raw
      else (left(m.raw::text, -1) || ',' || substr(met.raw::text, 2))::json end
  from met where m.id = met.message_id;
  get diagnostics added = row_count;
  return added;
end $$;
`;

export const reconcilingBefore = /* sql */ `
drop function add_parameters;
drop function accept_listed_messages;
drop function note_silent_receipts;
drop index attempts_started;
drop table receipt_checks;
alter table desk_conversations drop column unannounced;
alter table desk_events drop column announced;
drop function conversation_is_bound cascade;
drop table conversation_checks;
drop table reconcile_marks;
`;
