/** Opening hours as they were read, and what was done for customers who wait in a queue. */
export const hoursAndWaits = /* sql */ `
create table opening_hours (
  number_id uuid not null,
  schedule text not null,
  -- of the newest reading that changed something
  read_at timestamptz not null,
  -- the closed period that lasts; null: it was seen open since
  closed_since timestamptz,
  primary key (number_id, schedule)
);

-- Takes down what a schedule said p_age_ms ago, and answers since when it is closed; null where it is open. An older reading than
-- the one that stands changes nothing: workers remember readings each for itself.
create function note_hours(p_number_id uuid, p_schedule text, p_open boolean, p_age_ms float8) returns timestamptz
language plpgsql as $$
declare
  seen_at timestamptz := clock_timestamp() - p_age_ms * interval '1 ms';
begin
  if p_open then
    update opening_hours set closed_since = null, read_at = seen_at
    where number_id = p_number_id and schedule = p_schedule and closed_since is not null and read_at < seen_at;
  else
    insert into opening_hours as h (number_id, schedule, read_at, closed_since)
    values (p_number_id, p_schedule, seen_at, seen_at)
    on conflict (number_id, schedule) do update set read_at = excluded.read_at, closed_since = excluded.closed_since
      where h.closed_since is null and h.read_at < excluded.read_at;
  end if;
  return (select closed_since from opening_hours where number_id = p_number_id and schedule = p_schedule);
end $$;

-- Whose opening the lane waits for, where its head is held for closed hours.
alter table lanes add column awaits_schedule text;

-- The same for a customer who has written; closed, they are told so once in this period. Answers whether it is closed.
create function meet_hours(
  p_lane_id uuid, p_fence bigint, p_thread_id uuid, p_number_id uuid, p_schedule text, p_open boolean, p_age_ms float8
) returns boolean language plpgsql as $$
declare
  closed_since timestamptz := note_hours(p_number_id, p_schedule, p_open, p_age_ms);
begin
  if closed_since is not null then
    perform tell_customer(p_thread_id, null, 'closed', p_schedule || ' ' || (extract(epoch from closed_since) * 1000)::bigint, '{}');
    update lanes set awaits_schedule = p_schedule
    where id = p_lane_id and fence = p_fence and lease_until is not null and awaits_schedule is distinct from p_schedule;
  end if;
  return closed_since is not null;
end $$;

-- A row for as long as its conversation is not closed, from when it was first seen waiting for an agent.
create table waits (
  conversation_id uuid primary key,
  queue_id text,
  -- in this queue
  since timestamptz not null,
  told_at timestamptz,
  position int,
  warned text[] not null default '{}',
  -- in whatever queue
  told int not null default 0,
  moved_at timestamptz
);
`;

export const hoursAndWaitsBefore = /* sql */ `
drop table waits;
drop function meet_hours(uuid, bigint, uuid, uuid, text, boolean, float8);
alter table lanes drop column awaits_schedule;
drop function note_hours(uuid, text, boolean, float8);
drop table opening_hours;
`;
