import { mergingAccept } from './0015-merging-accept.sql.js';
import { acceptFunctions } from './0001-accept.sql.js';
import { conversationFunctions } from './0001-conversations.sql.js';
import { windowsAndOptOuts } from './0014-windows-and-opt-outs.sql.js';
import { functionIn } from './function-in.js';

/**
 * Customers who turn out to be one (ADR 0028). Where both have a thread with a number one of the two goes on, and no message
 * moves. What older builds call keeps its signature; their workers do not know `follows_since`, and take such a lane early.
 */
export const merging = /* sql */ `
alter table threads
  -- the thread with the same number that the customer's texts go to now: one that goes on, never another one like this
  add column continues_in uuid,
  -- when that began
  add column merged_at timestamptz;
create index threads_continued on threads (continues_in) where continues_in is not null;
alter table threads drop constraint threads_tenant_id_number_id_customer_id_key;
create unique index threads_going_on on threads (tenant_id, number_id, customer_id) where continues_in is null;

alter table lanes
  -- of a thread that does not go on: the one that does. Its conversation is this lane's, too; inbound, only once the thread
  -- has no open conversation of its own
  add column continues_in uuid,
  -- inbound: nothing is taken from it before the lanes of the threads that it continues are empty
  add column follows_since timestamptz;
create index lanes_following on lanes (id) where follows_since is not null;

-- whom this one turned out to be
alter table customers add column merged_into uuid;

-- What is written about a thread now and then says nothing of where texts go.
drop trigger thread_changes on threads;
create constraint trigger thread_changes
  after update of tenant_id, number_id, customer_id, customer_address, continues_in or delete on threads
  deferrable initially deferred for each row execute function thread_directory_changes();

-- When the customer of a thread last wrote in it. Notes and hand-overs stand in the same lane, and are nobody's words.
create function wrote_at(p_thread_id uuid) returns timestamptz language sql stable as $$
  select m.accepted_at from lanes l join messages m on m.lane_id = l.id
  where l.thread_id = p_thread_id and l.direction = 'inbound' and m.author_type = 'user' order by m.seq desc limit 1
$$;

-- Whether texts wait in threads that this one continues: those with the same customer and number that were merged before it.
create function must_follow(p_thread_id uuid) returns boolean language sql stable as $$
  select exists (
    select from threads own
    join threads t on t.continues_in = coalesce(own.continues_in, own.id)
      and t.merged_at < coalesce(own.merged_at, 'infinity')
    join lanes l on l.thread_id = t.id and l.direction = 'inbound'
    join lane_items i on i.lane_id = l.id
    where own.id = p_thread_id)
$$;

-- Lets lanes go on whose predecessors are empty. What somebody works on is left for the next time.
create function end_following() returns void language sql as $$
  with free as materialized (
    select l.id from lanes l where l.follows_since is not null and not must_follow(l.thread_id)
    order by l.thread_id for update of l skip locked
  )
  update lanes l set follows_since = null from free where l.id = free.id
$$;

-- The customer has written in the thread that goes on: what is held for the reply window in one that does not may go out, too.
-- Answers the lanes to wake.
create function open_merged_windows() returns table (lane_id uuid) language sql as $$
  select unnest(open_windows(array(
    select l.thread_id from lane_items i join lanes l on l.id = i.lane_id
    where i.state = 'held' and i.reason = 'window' and l.continues_in is not null
      and wrote_at(l.continues_in) > l.still_since)))
$$;

-- Both names of one webhook are one customer's: everything of the second one's goes over to the first one's, who is answered.
-- Nothing does where they are one already, or where the second was shown with another name before. Safe to call again.
-- Lock order as everywhere: aliases, customers, threads, lanes, each sorted. The customers' rows keep others from giving either
-- of them a thread meanwhile.
create function merge_customers(p_tenant text, p_channel text, p_alias text, p_second_alias text) returns uuid
language plpgsql set enable_nestloop = on as $$
declare
  kept uuid;
  gone uuid;
  numbers uuid[];
  pair uuid[];
begin
  perform 1 from customer_aliases a
  where a.tenant_id = p_tenant and a.channel = p_channel and a.value in (p_alias, p_second_alias)
  order by a.value for update;
  select a.customer_id, s.customer_id into kept, gone
  from customer_aliases a
  left join customer_aliases s on s.tenant_id = a.tenant_id and s.channel = a.channel and s.value = p_second_alias
    and s.customer_id <> a.customer_id and coalesce(s.shown_with, p_alias) = p_alias
  where a.tenant_id = p_tenant and a.channel = p_channel and a.value = p_alias;
  if gone is null then
    return kept;
  end if;

  perform 1 from customers where id in (kept, gone) order by id for update;
  update customer_aliases set customer_id = kept,
    shown_with = case when value = p_second_alias and channel = p_channel then p_alias else shown_with end
  where customer_id = gone;
  -- A name is as new as the last text of whoever bears it.
  update customers set name = newest.name from (
    select c.name from customers c
    where c.id in (kept, gone) and c.name is not null
    order by (select max(wrote_at(t.id)) from threads t where t.customer_id = c.id) desc nulls last limit 1
  ) newest where id = kept;
  update customers set name = null, merged_into = kept where id = gone;
  insert into opt_outs as o (tenant_id, account_sid, sender, customer_id, opted_out, source, changed_at)
  select tenant_id, account_sid, sender, kept, opted_out, source, changed_at from opt_outs where customer_id = gone
  on conflict (tenant_id, account_sid, sender, customer_id) do update
    set opted_out = excluded.opted_out, source = excluded.source, changed_at = excluded.changed_at
    where o.source < excluded.source;
  delete from opt_outs where customer_id = gone;

  perform 1 from threads where customer_id in (kept, gone) order by number_id, customer_id, id for no key update;
  numbers := array(
    select number_id from threads where customer_id in (kept, gone) and continues_in is null
    group by number_id having count(*) > 1 order by number_id);
  -- Makes the lanes that are lacking and locks the others.
  insert into lanes as l (id, tenant_id, thread_id, direction)
  select new_id(), t.tenant_id, t.id, d.direction
  from threads t cross join (values ('inbound'), ('outbound')) as d (direction)
  where t.customer_id in (kept, gone) and t.number_id = any (numbers)
  order by t.id, d.direction
  on conflict (thread_id, direction) do update set next_seq = l.next_seq;

  for i in 1..cardinality(numbers) loop
    pair := array(
      select t.id from threads t
      where t.customer_id in (kept, gone) and t.number_id = numbers[i] and t.continues_in is null
      order by exists (select from conversations c where c.thread_id = t.id and c.state <> 'closed') desc, t.created_at, t.id);
    update threads set continues_in = pair[1], merged_at = coalesce(merged_at, clock_timestamp())
    where id = pair[2] or continues_in = pair[2];
    update threads set offered_at = greatest(offered_at, (select offered_at from threads where id = pair[2]))
    where id = pair[1];
    update lanes l set continues_in = pair[1] from threads t
    where l.thread_id = t.id and t.continues_in = pair[1] and (l.direction = 'outbound' or not exists (
      select from conversations c where c.thread_id = t.id and c.state <> 'closed'));
    update lanes set follows_since = coalesce(follows_since, clock_timestamp()),
      still_since = coalesce(still_since, clock_timestamp())
    where thread_id = pair[1] and direction = 'inbound' and must_follow(pair[1]);
  end loop;
  update threads set customer_id = kept where customer_id = gone;
  return kept;
end $$;

-- A customer's word counts for whom they have turned out to be.
create or replace function record_opt_out(p_thread_id uuid, p_opted_out boolean, p_source uuid) returns void language sql as $$
  insert into opt_outs as o (tenant_id, account_sid, sender, customer_id, opted_out, source)
  select t.tenant_id, n.account_sid, coalesce(n.messaging_service_sid, n.address), t.customer_id, p_opted_out, p_source
  from threads t join business_numbers n on n.id = t.number_id where t.id = p_thread_id
  for share of t
  on conflict (tenant_id, account_sid, sender, customer_id) do update
    set opted_out = excluded.opted_out, lifted = o.opted_out and not excluded.opted_out, source = excluded.source,
      changed_at = clock_timestamp()
    where o.source < excluded.source
$$;

-- Whether the customer of a message's thread has written since an instant, there or where it goes on: then a closed reply window
-- is open again.
create or replace function wrote_since(p_thread_id uuid, p_since timestamptz) returns boolean language sql stable as $$
  select coalesce(greatest(wrote_at(p_thread_id), wrote_at((select continues_in from threads where id = p_thread_id)))
    > p_since, false)
$$;

-- The reply window of an outbound lane: 'open', 'closed', or 'asked' where the customer was sent the template since they
-- last wrote.
create or replace function reply_window(p_lane_id uuid, p_window_ms float8) returns text language sql stable as $$
  select case
    when w.wrote_at > greatest(clock_timestamp() - p_window_ms * interval '1 ms', w.window_closed_at) then 'open'
    when w.template_sent_at > coalesce(w.wrote_at, '-infinity') then 'asked'
    else 'closed' end
  from (
    select o.window_closed_at, o.template_sent_at, greatest(
      (select m.accepted_at from lanes i join messages m on m.lane_id = i.id
        where i.thread_id = o.thread_id and i.direction = 'inbound' and m.author_type = 'user' order by m.seq desc limit 1),
      case when o.continues_in is not null then wrote_at(o.continues_in) end
    ) as wrote_at
    from lanes o where o.id = p_lane_id
  ) w
$$;

-- Closes a conversation. Answers the inbound lane, to be woken; no row when there was nothing to close.
create or replace function close_conversation(p_id uuid, p_reason text, p_only_when_due boolean, p_end_at_desk boolean)
returns table (lane_id uuid) language plpgsql as $$
#variable_conflict use_column
declare
  c record;
  lane record;
begin
  select desk_conversation_id into c from conversations where id = p_id;
  if c.desk_conversation_id is not null then
    perform 1 from desk_conversations d join conversations x on x.tenant_id = d.tenant_id and x.id = p_id
    where d.id = c.desk_conversation_id for update of d;
  end if;
  select * into c from conversations where id = p_id for update;
  if c.id is null or c.state = 'closed'
    or p_only_when_due and (c.close_due_at is null or c.close_due_at > clock_timestamp()) then
    return;
  end if;
  update conversations set state = 'closed', closed_at = clock_timestamp(), close_reason = p_reason,
    close_due_at = null
  where id = p_id;
  if p_end_at_desk and c.desk_conversation_id is not null then
    update desk_conversations set end_wanted_at = coalesce(end_wanted_at, now())
    where tenant_id = c.tenant_id and id = c.desk_conversation_id;
  end if;

  insert into lanes (id, tenant_id, thread_id, direction) values (new_id(), c.tenant_id, c.thread_id, 'inbound')
  on conflict (thread_id, direction) do nothing;
  select l.id, l.waiting_for into lane from lanes l
  where l.thread_id = c.thread_id and l.direction = 'inbound' for update;
  if lane.waiting_for in ('opening', 'closing') then
    update lanes set not_before = null, waiting_for = null where id = lane.id;
  end if;
  update lanes l set continues_in = t.continues_in from threads t
  where l.id = lane.id and t.id = c.thread_id and t.continues_in is not null;
  if p_reason in ('agent-left', 'idle', 'gone') then
    perform hand_over_unheard(p_id);
  end if;
  return query select lane.id;
end $$;

-- After a lane was released: how long until it has work, 0 for now, no row for none. A wait whose end was decided
-- while its lane was being put to wait is ended here, in a statement of its own that sees that decision.
create or replace function look_again(p_lane_id uuid) returns table (due_ms int) language plpgsql as $$
begin
  update lanes l set not_before = null, waiting_for = null
  where l.id = p_lane_id and (
    l.waiting_for = 'opening' and not exists (
      select from conversations c where c.thread_id = coalesce(l.continues_in, l.thread_id) and c.state = 'opening')
    or l.waiting_for = 'closing' and not exists (
      select from conversations c where c.thread_id = coalesce(l.continues_in, l.thread_id) and c.state <> 'closed'
        and c.close_due_at is not null)
  );
  return query
    select greatest(0, ceil(extract(epoch from l.not_before - clock_timestamp()) * 1000))::int
    from lanes l
    cross join lateral (select i.state, i.reason from lane_items i where i.lane_id = l.id order by i.seq limit 1) head
    where l.id = p_lane_id and (l.lease_until is null or l.lease_until <= clock_timestamp()) and l.paused_at is null
      and l.follows_since is null and (head.state <> 'held' or head.reason in ('credentials', 'configuration')
        or head.reason = 'window' and exists (
          select from lane_items n where n.lane_id = l.id and (n.state <> 'held' or n.reason in ('credentials', 'configuration'))));
end $$;
${mergingAccept}
`;

/** The functions as they were. A thread that did not go on is that of a customer of its own again, whom nobody looks for. */
export const mergingBefore = /* sql */ `
${functionIn(acceptFunctions, 'find_threads')}
${functionIn(acceptFunctions, 'accept_messages')}
${functionIn(conversationFunctions, 'close_conversation')}
${functionIn(conversationFunctions, 'look_again')}
${functionIn(windowsAndOptOuts, 'reply_window')}
${functionIn(windowsAndOptOuts, 'wrote_since')}
${functionIn(windowsAndOptOuts, 'record_opt_out')}
drop function merge_customers;
drop function open_merged_windows;
drop function end_following;
drop function must_follow;
drop function wrote_at;
with own as materialized (select id, tenant_id, new_id() as customer_id from threads where continues_in is not null),
made as (insert into customers (id, tenant_id) select customer_id, tenant_id from own)
update threads t set customer_id = own.customer_id from own where t.id = own.id;
set constraints all immediate;
drop trigger thread_changes on threads;
create constraint trigger thread_changes after update or delete on threads deferrable initially deferred
  for each row execute function thread_directory_changes();
alter table customers drop column merged_into;
alter table lanes drop column follows_since, drop column continues_in;
drop index threads_going_on;
alter table threads drop column merged_at, drop column continues_in,
  add constraint threads_tenant_id_number_id_customer_id_key unique (tenant_id, number_id, customer_id);
`;
