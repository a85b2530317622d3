/** The first schema. Plain SQL, because partitions, partial indexes and functions are what it is about. */
export const initialSchema = /* sql */ `
create table business_numbers (
  id uuid primary key,
  tenant_id text not null,
  channel text not null check (channel in ('sms', 'whatsapp')),
  account_sid text not null,
  address text not null,
  messaging_service_sid text,
  display_name text,
  state text not null check (state in ('configured', 'unconfigured')),
  chat_gateway_channel_id text,
  queue_id text,
  language text,
  settings jsonb not null default '{}',
  configured_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, account_sid, address),
  check (state = 'unconfigured' or chat_gateway_channel_id is not null)
);
create index business_numbers_service on business_numbers (tenant_id, account_sid, messaging_service_sid)
  where messaging_service_sid is not null;

create table customers (
  id uuid primary key,
  tenant_id text not null,
  name text,
  created_at timestamptz not null default now()
);

create table customer_aliases (
  tenant_id text not null,
  channel text not null,
  value text not null,
  customer_id uuid not null references customers deferrable initially deferred,
  -- of a number: the more lasting name that it was last seen with
  shown_with text,
  created_at timestamptz not null default now(),
  primary key (tenant_id, channel, value)
);
create index customer_aliases_customer on customer_aliases (customer_id);

create table threads (
  id uuid primary key,
  tenant_id text not null,
  number_id uuid not null references business_numbers,
  customer_id uuid not null references customers,
  -- where the customer last wrote from: an answer goes there
  customer_address text not null,
  created_at timestamptz not null default now(),
  unique (tenant_id, number_id, customer_id)
);
create index threads_customer on threads (customer_id);

create table lanes (
  id uuid primary key,
  tenant_id text not null,
  thread_id uuid not null references threads,
  direction text not null check (direction in ('inbound', 'outbound')),
  next_seq bigint not null default 0,
  fence bigint not null default 0,
  lease_until timestamptz,
  not_before timestamptz,
  -- what ends the wait before not_before: the conversation's opening or closing; a back-off ends by time alone
  waiting_for text check (waiting_for in ('opening', 'closing', 'back-off')),
  -- consecutive attempts at the head that did not succeed
  failures int not null default 0,
  paused_at timestamptz,
  unique (thread_id, direction)
) with (fillfactor = 70);
create index lanes_paused on lanes (id) where paused_at is not null;

-- What is not yet at its end. Claims and heads read this table only; a row goes when its item stops blocking.
create table lane_items (
  lane_id uuid not null,
  seq bigint not null,
  message_id uuid not null,
  state text not null check (state in ('open', 'sending', 'uncertain', 'held')),
  reason text,
  tries int not null default 0,
  primary key (lane_id, seq)
) with (fillfactor = 70);
create index lane_items_held on lane_items (reason, lane_id) where state = 'held';

create table conversations (
  id uuid primary key,
  tenant_id text not null,
  thread_id uuid not null references threads,
  number_id uuid not null,
  state text not null check (state in ('opening', 'queued', 'active', 'post-agent', 'closed')),
  desk_conversation_id text,
  queue_id text,
  agent_id text,
  had_agent boolean not null default false,
  opened_at timestamptz not null default now(),
  active_at timestamptz,
  closed_at timestamptz,
  close_reason text,
  -- the create that is under way or unknown, and when it ended for us
  create_attempt_id uuid,
  create_message_id uuid,
  create_outcome text check (create_outcome in ('sending', 'uncertain', 'not-sent', 'created')),
  create_started_at timestamptz,
  create_ended_at timestamptz,
  -- the reopening items whose texts the create carried as history
  create_history uuid[] not null default '{}',
  -- texts wait for the interaction until then
  ready_by timestamptz,
  -- the grace after the last agent left ends then
  close_due_at timestamptz,
  -- when the last agent left, by the far side's clock (epoch ms)
  last_agent_left_at bigint,
  -- messages that were given to the next conversation as history, because nobody read them in this one
  handed_over uuid[] not null default '{}'
);
create unique index conversations_open on conversations (thread_id) where state <> 'closed';
create unique index conversations_desk on conversations (tenant_id, desk_conversation_id);
create index conversations_thread on conversations (thread_id, opened_at);
create index conversations_number on conversations (number_id, id);
create index conversations_closing on conversations (close_due_at) where close_due_at is not null;

-- One row per conversation of the desk, made by whichever comes first, event or binding; the lock both take.
create table desk_conversations (
  tenant_id text not null,
  id text not null,
  conversation_id uuid,
  facts jsonb not null default '{}',
  newest_message_at bigint,
  created_at timestamptz not null default now(),
  -- set when nobody of ours will ever use it: the closer ends it at the desk
  end_wanted_at timestamptz,
  end_tries int not null default 0,
  end_not_before timestamptz,
  ended_at timestamptz,
  primary key (tenant_id, id)
);
create index desk_conversations_bound on desk_conversations (conversation_id) where conversation_id is not null;
create index desk_conversations_ending on desk_conversations (end_not_before)
  where end_wanted_at is not null and ended_at is null;

create table desk_events (
  id uuid primary key,
  tenant_id text not null,
  desk_conversation_id text not null,
  event_id text not null,
  type text not null,
  occurred_at bigint not null,
  author_type text,
  author_id text,
  content json,
  content_digest bytea,
  -- a message for the customer that no lane has taken yet
  parked boolean not null default false,
  -- true once this announcement of a message was matched to something that we posted
  ours boolean not null default false,
  message_id uuid,
  body json not null
) partition by range (id);
create index desk_events_conversation on desk_events (tenant_id, desk_conversation_id, occurred_at);
create index desk_events_message on desk_events (message_id) where message_id is not null;
create index desk_events_parked on desk_events (tenant_id, desk_conversation_id) where parked;

create table dedupe_keys (
  digest bytea primary key,
  message_id uuid,
  body_digest bytea,
  origin text not null check (origin in ('webhook', 'reconciler'))
) partition by hash (digest);

create table messages (
  id uuid primary key,
  tenant_id text not null,
  thread_id uuid not null,
  lane_id uuid not null,
  conversation_id uuid,
  direction text not null,
  author_type text not null,
  author_id text,
  seq bigint not null,
  -- json, not jsonb: it keeps every text verbatim, NUL and lone surrogates included
  content json not null,
  delivery text not null check (delivery in ('open', 'sending', 'uncertain', 'submitted', 'held', 'failed')),
  receipt text,
  reason text,
  provider_code text,
  possible_duplicate boolean not null default false,
  -- came later than a newer one of the same conversation that was already taken
  out_of_order boolean not null default false,
  provider_message_id text,
  raw json,
  accepted_at timestamptz not null default now(),
  submitted_at timestamptz
) partition by range (id);
create index messages_lane on messages (lane_id, seq);
create index messages_conversation on messages (conversation_id, id) where conversation_id is not null;
create index messages_ended_badly on messages (delivery, id) where delivery in ('failed', 'held');
create index messages_doubtful on messages (id) where possible_duplicate;

create table parts (
  message_id uuid not null,
  n int not null,
  content json not null,
  content_digest bytea not null,
  primary key (message_id, n)
) partition by range (message_id);

create table attempts (
  message_id uuid not null,
  id uuid not null,
  part_n int not null,
  kind text not null check (kind in ('send', 'create')),
  conversation_id uuid,
  fence bigint not null,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  outcome text not null,
  provider_id text,
  http_status int,
  error_class text,
  error_code text,
  provider_code text,
  receipt text,
  receipt_code text,
  receipt_late text,
  receipt_at timestamptz,
  primary key (message_id, id)
) partition by range (message_id);
create index attempts_provider on attempts (provider_id) where provider_id is not null;
create index attempts_conversation on attempts (conversation_id) where conversation_id is not null;

-- Work that should be done by one process at a time holds a row here, with a fence as lanes do.
create table duties (
  name text primary key,
  fence bigint not null default 0,
  lease_until timestamptz
);

-- The smallest UUIDv7 of an instant: ids carry their time, so a range of ids is a range of time.
create function uuid_v7_floor(at timestamptz) returns uuid language sql immutable as $$
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Partitions by month of acceptance (UTC) from the month before now to months_ahead; safe to call again, and at once.
create function ensure_partitions(months_ahead int) returns void language plpgsql as $$
declare
  month timestamptz;
  parent text;
  child text;
begin
  perform pg_advisory_xact_lock(hashtext('causeway.ensure_partitions'));
  for i in -1..months_ahead loop
    month := (date_trunc('month', now() at time zone 'utc') + make_interval(months => i)) at time zone 'utc';
    foreach parent in array array['messages', 'parts', 'attempts', 'desk_events'] loop
      child := parent || '_' || to_char(month at time zone 'utc', 'YYYY_MM');
      if to_regclass(child) is null then
        begin
          execute format('create table %I partition of %I for values from (%L) to (%L)', child, parent,
            uuid_v7_floor(month),
            uuid_v7_floor((month at time zone 'utc' + interval '1 month') at time zone 'utc'));
        exception when check_violation then
          -- A clock that was ahead has put rows of this month into the default partition: they stay there.
          raise warning 'Partition % is not made: the default partition holds rows of its month.', child;
        end;
      end if;
    end loop;
  end loop;
end $$;

do $$
begin
  for i in 0..15 loop
    execute format('create table dedupe_keys_%s partition of dedupe_keys for values with (modulus 16, remainder %s)', i, i);
  end loop;
end $$;

select ensure_partitions(12);

-- Nothing is refused for want of a partition: a clock that is years off still finds a place.
create table messages_other partition of messages default;
create table parts_other partition of parts default;
create table attempts_other partition of attempts default;
create table desk_events_other partition of desk_events default;

-- A receipt's rank: forward only (libs/core/src/receipts.ts holds the same table; a test compares them).
create function receipt_rank(receipt text) returns int language sql immutable as $$
  select case receipt when 'queued' then 1 when 'sending' then 2 when 'sent' then 3 when 'undelivered' then 4
    when 'failed' then 4 when 'delivered' then 5 when 'read' then 6 else 0 end
$$;
`;
