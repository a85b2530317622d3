import { merging } from './0015-merging.sql.js';
import { functionIn } from './function-in.js';

/** What conversations were created with, and the language that customers were given, which outlasts their merging. */
export const openingDetails = /* sql */ `
alter table conversations
  -- user and assignment as the desk was last told
  add column details json,
  -- by which the messages of the create's history are recognised; null where nobody has said which those are
  add column create_digests bytea[];

-- Both names of one webhook are one customer's: everything of the second one's goes over to the first one's, who is answered.
-- Nothing does where they are one already, or where the second was shown with another name before. Safe to call again.
-- Lock order as everywhere: aliases, customers, threads, lanes, each sorted. The customers' rows keep others from giving either
-- of them a thread meanwhile.
create or replace function merge_customers(p_tenant text, p_channel text, p_alias text, p_second_alias text) returns uuid
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
  -- A language was chosen for them: the one who stays keeps their own.
  update customers k set language = coalesce(k.language, g.language) from customers g where k.id = kept and g.id = gone;
  update customers set name = null, language = null, merged_into = kept where id = gone;
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
`;

export const openingDetailsBefore = /* sql */ `
${functionIn(merging, 'merge_customers')}
alter table conversations drop column details, drop column create_digests;
`;
